// A port for a debugger: Node.js's inspector. Loaded only where one is wanted.

import inspector from 'node:inspector';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** How long the environment before this one may take to leave the port, ms. */
const PATIENCE_MS = 5000;
const PAUSE_MS = 100;

/**
 * Listen for a debugger; the function goes on without one if that can't be.
 *
 * @param {string} order The port and, after commas, "wait" to return only once a debugger is there,
 *   and how it is with the port where this is a container: "published" or "taken".
 */
export async function listen(order) {
  const [port, ...words] = order.split(',');
  const published = words.includes('published');
  if (words.includes('taken') || !(published || (await leaves(Number(port))))) {
    process.stderr.write(`Debugger: port ${port} is in use, so this environment runs without\n`);
    return;
  }
  // It tells its own address, which is the container's where it is in one.
  inspector.open(Number(port), published ? '0.0.0.0' : '127.0.0.1', false);
  if (published) process.stderr.write(`Debugger: the inspector listens on 127.0.0.1:${port}\n`);
  if (!words.includes('wait')) return;
  const name = process.env.AWS_LAMBDA_FUNCTION_NAME;
  const off = `localfaas debug ${name} --off starts it without`;
  process.stderr.write(`Debugger: ${name} waits for one on 127.0.0.1:${port}; ${off}\n`);
  inspector.waitForDebugger();
}

async function leaves(port) {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const free = await new Promise((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free || performance.now() > end) return free;
    await pause(PAUSE_MS);
  }
}
