// Makes the calls that come as lines of JSON on standard input, with Microsoft's package for
// JavaScript, and prints each result as a line of JSON. The arguments are the base URL and a token.

import { createInterface } from "node:readline";
import {
  BatchRequestContent,
  BatchResponseContent,
  Client,
  GraphError,
  MiddlewareFactory,
} from "@microsoft/microsoft-graph-client";

const [base, token] = process.argv.slice(2);
const [, origin, version] = /^(.*)\/(\w+)$/.exec(base);

// The package sends the token of an authProvider over https alone.
class TokenHandler {
  setNext(next) {
    this.next = next;
  }

  async execute(context) {
    const headers = { ...context.options.headers, Authorization: `Bearer ${token}` };
    context.options = { ...context.options, headers };
    await this.next.execute(context);
  }
}

const authProvider = (done) => done(null, token);
const [, ...others] = MiddlewareFactory.getDefaultMiddlewareChain({ getAccessToken: () => token });
const client = Client.initWithMiddleware({
  baseUrl: `${origin}/`,
  defaultVersion: version,
  middleware: [new TokenHandler(), ...others],
});

const SETS = "/trustFramework/keySets";

function request({ id, kid, select, top, count }, action) {
  const path = [SETS, id, action, kid].filter((part) => part !== undefined).join("/");
  const made = client.api(path);
  if (select) made.select(select);
  if (top) made.top(top);
  if (count) made.count(true);
  return made;
}

const CALLS = {
  listSets: (call) => request(call).get(),
  countSets: (call) => request(call, "$count").get(),
  createSet: (call) => request(call).post(call.body),
  getSet: (call) => request(call).get(),
  updateSet: (call) => request(call).patch(call.body),
  replaceSet: (call) => request(call).put(call.body),
  updateSetThatWasRead: async (call) => {
    const { keys, ...read } = await request(call).get();
    return request(call).patch({ ...read, ...call.body });
  },
  deleteSet: (call) => request(call).delete(),
  generateKey: (call) => request(call, "generateKey").post(call.body),
  uploadSecret: (call) => request(call, "uploadSecret").post(call.body),
  uploadCertificate: (call) => request(call, "uploadCertificate").post(call.body),
  uploadPkcs12: (call) => request(call, "uploadPkcs12").post(call.body),
  getActiveKey: (call) => request(call, "getActiveKey").get(),
  listKeys: (call) => request(call, "keys_v2").get(),
  countKeys: (call) => request(call, "keys_v2/$count").get(),
  getKey: (call) => request(call, "keys_v2").get(),
  setStatus: (call) => request(call, "keys_v2").patch(call.body),
  batch: async ({ requests }) => {
    const steps = requests.map((call, index) => ({ id: `${index}`, request: inBatch(call) }));
    const content = await new BatchRequestContent(steps).getContent();
    const answers = new BatchResponseContent(await client.api("/$batch").post(content));
    return Promise.all(steps.map(({ id }) => shown(answers.getResponseById(id))));
  },
};

function inBatch({ call, id, body }) {
  const [method, action] = {
    createSet: ["POST"],
    getSet: ["GET"],
    deleteSet: ["DELETE"],
    generateKey: ["POST", "generateKey"],
  }[call];
  const path = [SETS, id, action].filter((part) => part !== undefined).join("/");
  const headers = { "Content-Type": "application/json" };
  // The package takes the path from the URL, and Graph wants it without the version.
  return new Request(`${origin}${path}`, { method, headers, body: body && JSON.stringify(body) });
}

async function shown(answer) {
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : null };
}

async function result(call) {
  try {
    return { value: (await CALLS[call.call](call)) ?? null };
  } catch (error) {
    if (!(error instanceof GraphError) || error.statusCode < 400) {
      throw error;
    }
    const { target, innerError } = JSON.parse(error.body);
    return {
      error: {
        status: error.statusCode,
        code: error.code,
        message: error.message,
        target,
        date: error.date.toISOString(),
        requestId: error.requestId,
        clientRequestId: innerError["client-request-id"],
      },
    };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await result(JSON.parse(line))));
}
process.exit(0); // now, not when the connections of fetch have been idle
