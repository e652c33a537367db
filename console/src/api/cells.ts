import { useQuery } from '@tanstack/react-query'
import { appsQuery } from './queries.ts'

/** The cells that have an app, each as `environment/tenant`. */
export function useCells(): readonly string[] {
  const { data: apps } = useQuery(appsQuery)
  return [...new Set(apps?.map(({ at }) => `${at.environment}/${at.tenant}`))]
}
