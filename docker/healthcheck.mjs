/**
 * The HEALTHCHECK of the image, which has no shell: asks the agent whether it still moves, at the address that it was
 * told to listen on. Kubernetes asks for itself, and never runs this. Knows nothing of what the answer says.
 */

/** Below the `--timeout` of the HEALTHCHECK, so that a reason is told. */
const TIMEOUT_MS = 5000;
/** Listening on all addresses is listening on this one. */
const LOOPBACK = '127.0.0.1';

/** The URL of /healthz for `0.0.0.0:9464`, `[::]:9464` or `10.0.0.1:9464`. */
function healthUrl(listen) {
  const colon = listen.lastIndexOf(':');
  const host = listen.slice(0, colon);
  const wildcard = ['', '0.0.0.0', '[::]', '*'].includes(host);
  return `http://${wildcard ? LOOPBACK : host}:${listen.slice(colon + 1)}/healthz`;
}

async function isHealthy(url) {
  try {
    const { ok } = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return ok;
  } catch (error) {
    process.stderr.write(`${url}: ${String(error?.cause ?? error)}\n`);
    return false;
  }
}

const listen = process.env['AUDIT_SHIPPER_LISTEN'];
if (listen === undefined) {
  process.stdout.write('AUDIT_SHIPPER_LISTEN is not set: there is nobody to ask\n');
} else if (!(await isHealthy(healthUrl(listen)))) {
  process.exitCode = 1;
}
