// Reads and writes key files with panva's package jose and with Node itself. Takes calls as lines
// of JSON on standard input, and prints each result as a line of JSON. Bytes are base64.

import { createPrivateKey } from "node:crypto";
import { createInterface } from "node:readline";
import {
  CompactEncrypt,
  FlattenedEncrypt,
  GeneralEncrypt,
  compactDecrypt,
  exportJWK,
  exportPKCS8,
  importJWK,
  importPKCS8,
} from "jose";

// The package opens PBES2 only where it is allowed, and up to 10,000 rounds
// (docs/how-to/convert.md).
const PBES2 = { keyManagementAlgorithms: ["PBES2-HS512+A256KW"], maxPBES2Count: 220_000 };

const bytes = (text) => new TextEncoder().encode(text);

// With an alg, which importJWK needs for RSA, and which exportJWK does not repeat.
const imported = (jwk) =>
  importJWK({ ...jwk, ext: true }, jwk.kty === "RSA" ? "RS256" : jwk.alg);

async function exported(jwk) {
  return exportJWK(await imported(jwk));
}

async function read({ form, data, password, key, alg }) {
  const text = Buffer.from(data, "base64").toString();
  if (form === "pem") {
    return [await exportJWK(await importPKCS8(text, "RS256", { extractable: true }))];
  }
  if (form === "encrypted pem") {
    return [await exportJWK(createPrivateKey({ key: text, passphrase: password }))];
  }
  let document = text;
  if (form === "jwe") {
    const { plaintext } = await compactDecrypt(text.trim(), bytes(password), PBES2);
    document = Buffer.from(plaintext).toString();
  }
  if (form === "sealed") {
    const { plaintext } = await compactDecrypt(text.trim(), await importJWK(key, alg));
    document = Buffer.from(plaintext).toString();
  }
  const { keys, ...found } = JSON.parse(document);
  return Promise.all((keys ?? [found]).map(exported));
}

async function write({ form, jwk, password, to, alg, enc }) {
  const key = await imported(jwk);
  if (form === "pem") {
    return exportPKCS8(key);
  }
  const text = JSON.stringify({ ...(await exportJWK(key)), use: jwk.use });
  if (form === "jwk") {
    return text;
  }
  if (form === "encrypted pem") {
    const options = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: password };
    return createPrivateKey({ key: jwk, format: "jwk" }).export(options);
  }
  const header = { alg: alg ?? "PBES2-HS512+A256KW", enc };
  const secret = to ? await importJWK(to, alg) : bytes(password);
  if (form === "general") {
    const token = new GeneralEncrypt(bytes(text)).setProtectedHeader({ enc });
    token.addRecipient(bytes(password)).setUnprotectedHeader({ alg: "PBES2-HS256+A128KW" });
    token.addRecipient(secret).setUnprotectedHeader({ alg });
    return JSON.stringify(await token.encrypt());
  }
  if (form === "flattened") {
    const token = new FlattenedEncrypt(bytes(text)).setProtectedHeader(header);
    return JSON.stringify(await token.encrypt(secret));
  }
  return new CompactEncrypt(bytes(text)).setProtectedHeader(header).encrypt(secret);
}

const CALLS = {
  read,
  write: async (call) => Buffer.from(await write(call)).toString("base64"),
};

for await (const line of createInterface({ input: process.stdin })) {
  const call = JSON.parse(line);
  let result;
  try {
    result = { value: await CALLS[call.call](call) };
  } catch (error) {
    result = { error: { message: `${error.name}: ${error.message}` } };
  }
  console.log(JSON.stringify(result));
}
