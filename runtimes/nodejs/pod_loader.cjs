// The first lines of a pod, in its command: they connect, and run what comes: pod_supervisor.cjs.
//
//     node -e <this> host:port/token      call there
//     node -e <this> :port/token          wait for a call, on the loopback
const Module = require('node:module');
const net = require('node:net');

const [, host, port, token] = /^(.*):(\d+)\/(.+)$/.exec(process.argv[1]);

function run(control, rest, way) {
  const supervisor = new Module('supervisor');
  let held = rest;
  const take = (data) => {
    held = Buffer.concat([held, data]);
    const end = held.indexOf(10);
    const size = Number(held.subarray(0, Math.max(end, 0)));
    if (end < 0 || held.length < end + 1 + size) return;
    control.off('data', take);
    supervisor._compile(held.toString('utf8', end + 1, end + 1 + size), 'pod_supervisor.cjs');
    supervisor.exports.supervise(control, held.subarray(end + 1 + size), way);
  };
  control.on('close', () => process.exit(0));
  control.on('data', take);
  take(Buffer.alloc(0));
}

if (host) {
  const control = net.connect({ host, port: Number(port), noDelay: true });
  control.on('error', () => process.exit(1));
  control.once('connect', () => {
    control.write(`${token}\n`);
    run(control, Buffer.alloc(0), `${host}:${port}`);
  });
} else {
  const listener = net.createServer({ noDelay: true });
  // Nobody will call any more: callers try many times a second.
  const late = setTimeout(() => process.exit(0), 6000);
  listener.on('connection', function first(connection) {
    let said = Buffer.alloc(0);
    connection.on('error', () => {});
    connection.on('data', function take(data) {
      said = Buffer.concat([said, data]);
      const end = said.indexOf(10);
      if (end < 0) return;
      connection.off('data', take);
      if (said.toString('latin1', 0, end) !== token) {
        connection.destroy();
        return;
      }
      clearTimeout(late);
      listener.off('connection', first);
      connection.write('\n');
      run(connection, said.subarray(end + 1), listener);
    });
  });
  listener.listen(Number(port), '127.0.0.1');
}
