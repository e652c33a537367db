import { MantineProvider } from '@mantine/core'
import '@mantine/core/styles/baseline.css'
import '@mantine/core/styles/default-css-variables.css'
import '@mantine/core/styles/global.css'
import '@mantine/core/styles/UnstyledButton.css'
import '@mantine/core/styles/Button.css'
import '@mantine/core/styles/Loader.css'
import '@mantine/core/styles/ActionIcon.css'
import '@mantine/core/styles/Input.css'
import '@mantine/core/styles/PasswordInput.css'
import '@mantine/core/styles/InlineInput.css'
import '@mantine/core/styles/Checkbox.css'
import '@mantine/core/styles/Switch.css'
import '@mantine/core/styles/NumberInput.css'
import '@mantine/core/styles/Combobox.css'
import '@mantine/core/styles/Skeleton.css'
import '@mantine/core/styles/Table.css'
import './theme/palette.css'
import './theme/tones.css'
import './theme/base.css'
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { ApiFailure, isSignedOut } from './api/client.ts'
import { makeRouter } from './router.tsx'
import { theme } from './theme/theme.ts'

/** Wires the console: who reads, where one is, how it looks. */

const client = new QueryClient({
  queryCache: new QueryCache({ onError: leaveWhenSignedOut }),
  mutationCache: new MutationCache({ onError: leaveWhenSignedOut }),
  defaultOptions: {
    queries: {
      // The watch and the intervals ask again; an answer of the server is not argued with.
      retry: (failures, error) => error instanceof ApiFailure && error.status === 0 && failures < 1,
      refetchOnWindowFocus: true,
      staleTime: 1_000,
    },
  },
})

const router = makeRouter(client)

/** A session that ended leads to the login, which leads back to this very place. */
function leaveWhenSignedOut(error: unknown): void {
  if (!isSignedOut(error)) return
  const { location } = router.state
  if (location.pathname === '/login' || router.state.status === 'pending') return
  client.clear()
  const to = location.pathname + location.searchStr
  void router.navigate({ to: '/login', search: { to, notice: 'ended' }, replace: true })
}

const place = document.querySelector('#root')
if (place !== null) {
  createRoot(place).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        defaultColorScheme="auto"
        // Both would be written as inline style elements; palette.css holds what is needed.
        withCssVariables={false}
        withGlobalClasses={false}
      >
        <QueryClientProvider client={client}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  )
}
