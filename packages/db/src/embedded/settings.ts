/** How the embedded server is set: durable, local, and made for a queue. */

/** Every value is checked against PostgreSQL 18's documentation, chapter 19. */
export function serverSettings(port: number): Record<string, string> {
  return {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    // A recycled or fresh WAL segment is not written twice.
    wal_init_zero: 'off',
    wal_buffers: '64MB',
    min_wal_size: '512MB',
    max_wal_size: '2GB',
    wal_level: 'minimal',
    max_wal_senders: '0',
    checkpoint_timeout: '15min',
    shared_buffers: '256MB',
    // Pages that make room for others go to the disk at once: by gigabytes half a minute later, every commit would wait for them.
    backend_flush_after: '512kB',
    max_connections: '100',
    jit: 'off',
    autovacuum_naptime: '5s',
    autovacuum_vacuum_cost_limit: '2000',
    log_min_messages: 'warning',
    // Statements hold bytes of envelopes: never in a log.
    log_min_error_statement: 'panic',
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
    log_line_prefix: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
  }
}
