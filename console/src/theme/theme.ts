import { createTheme, type MantineColorsTuple } from '@mantine/core'

/**
 * Mantine's part of the look. Its CSS variables are not made at run time (that would need inline
 * styles, which the content security policy forbids) but stand in palette.css.
 */
const harbour: MantineColorsTuple = [
  '#e6f6f8',
  '#cdeaee',
  '#9bd5dc',
  '#66bfca',
  '#3dadba',
  '#1f99a8',
  '#12808f',
  '#0b6a78',
  '#0a5564',
  '#07414e',
]

export const theme = createTheme({
  primaryColor: 'harbour',
  primaryShade: { light: 7, dark: 5 },
  colors: { harbour },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
})
