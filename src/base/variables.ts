/** Names of the environment variables that instances are given. */

/** The name of the variable that carries a needed service's URL: `credit-check` → CREDIT_CHECK_URL. */
export function urlVariableOf(service: string): string {
  return `${service.toUpperCase().replaceAll('-', '_')}_URL`
}

/** The name of the variable that says where a volume is: `pg-data` → VOLUME_PG_DATA. */
export function volumeVariableOf(volume: string): string {
  return `VOLUME_${volume.toUpperCase().replaceAll('-', '_')}`
}
