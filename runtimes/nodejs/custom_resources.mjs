// Handlers of custom resources that answer by HTTPS, whatever the address they are given says.
//
// CDK's handlers take host and path of ResponseURL alone, and call https.request: AWS's addresses
// are always https. Here the address is this emulator's, by http and at its port.

import http from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import { urlToHttpOptions } from 'node:url';

const PATH = '/_cloudformation/';
let place = null;

/** Send answers to the host of `address` there by http from now on. */
export function answerAt(address) {
  if (!URL.canParse(String(address))) return;
  const { protocol, hostname, port } = new URL(address);
  if (protocol !== 'http:') return;
  if (place === null) interpose();
  place = { hostname, port };
}

function interpose() {
  const { request } = https;
  https.request = function (...given) {
    const answer = answerOf(given);
    return answer === null ? Reflect.apply(request, this, given) : http.request(...answer);
  };
  syncBuiltinESMExports();
}

/** The arguments for http.request where `given` are those of an answer, else null. */
function answerOf(given) {
  const callback = given.find((each) => typeof each === 'function');
  const parts = given.filter((each) => each && typeof each !== 'function').map(asOptions);
  const { agent, protocol, ...options } = Object.assign({}, ...parts);
  const host = options.hostname ?? options.host;
  if (host !== place.hostname || !String(options.path).startsWith(PATH)) return null;
  return [{ ...options, port: place.port }, callback];
}

function asOptions(given) {
  if (typeof given === 'string') return urlToHttpOptions(new URL(given));
  return given instanceof URL ? urlToHttpOptions(given) : given;
}
