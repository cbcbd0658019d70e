/** Addresses of sockets: `host:port` as text, and what to do when nobody can listen there. Pure. */

export interface Address {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

const PORT_MAX = 65_535;

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** @returns undefined for what is not `host:port`. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-f:.]+(?:%\w+)?)\]|([\w.-]{1,253})):(\d{1,5})$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port > PORT_MAX ? undefined : { host, port };
}

/** What to do; undefined where the code says it all. */
export function listenAdvice(code: string, port: number): string | undefined {
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} is in use; end the program that has it, or choose another one with --listen`;
    case 'EACCES':
      return `no permission for port ${port}; choose one above 1023 with --listen`;
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address; 127.0.0.1 is for itself, 0.0.0.0 stands for all of them';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'this name is not known; write an address, such as 127.0.0.1';
    default:
      return undefined;
  }
}

/** Nobody can listen there. The message says what to do; `code` is the system's. */
export class ListenError extends Error {
  readonly code: string;

  constructor(message: string, code: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
