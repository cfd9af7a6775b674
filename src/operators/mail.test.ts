/** Mail: what a receiver gets, how its server is spoken to, and what counts as taken. */
import { expect, test } from "vitest";
import { makeCertificates } from "../../test/setup/certificates.ts";
import { freePort } from "../../test/setup/programs.ts";
import { startMailServer } from "../../test/setup/smtp.ts";
import { createMailSender } from "./mail.ts";

const FROM = "azalai@example.com";
const LOGIN = { user: "azalai", password: "PLANTED-password" };
const MAIL = {
  to: "ada@example.com",
  subject: "Ende: „gut“",
  text: "42 Zeilen\n.\nünd mehr\n",
  at: new Date("2026-11-23T06:00:00.000Z"),
  noticeId: "7",
  targetId: "0".repeat(32),
};

type Server = Parameters<typeof createMailSender>[0];

async function send(server: Omit<Server, "from">, changes: Partial<typeof MAIL> = {}, signal?: AbortSignal) {
  const sender = createMailSender({ from: FROM, ...server });
  await sender({ ...MAIL, ...changes }, signal ?? new AbortController().signal);
}

test("a receiver gets subject and message as they were written, and what tells one notice from another", async () => {
  const { host, port, next } = await startMailServer();
  await send({ host, port, tls: "offered" });
  const mail = await next();
  expect(mail).toMatchObject({
    from: FROM,
    to: ["ada@example.com"],
    text: MAIL.text,
    encrypted: false,
    headers: {
      subject: MAIL.subject,
      from: FROM,
      to: "ada@example.com",
      date: "Mon, 23 Nov 2026 06:00:00 +0000",
      "x-azalai-notice": "7",
      "auto-submitted": "auto-generated",
      "message-id": `<notice.7.${"0".repeat(32)}@azalai>`,
    },
  });
});

test("a subject over several lines adds nothing to the head of the mail", async () => {
  const { host, port, next } = await startMailServer();
  await send({ host, port, tls: "offered" }, { subject: "one\r\nBcc: bob@example.com\r\n\r\ntwo" });
  const mail = await next();
  expect(mail.headers.subject).toBe("one Bcc: bob@example.com two");
  expect(mail.headers).not.toHaveProperty("bcc");
  expect([mail.to, mail.text]).toEqual([["ada@example.com"], MAIL.text]);
});

test("with a log-in, mail goes over TLS, begun by STARTTLS or at once, and to a server that is what it says", async () => {
  const certificates = await makeCertificates();
  const { ca } = certificates;
  const begun = await startMailServer({ login: LOGIN, tls: { certificates, begun: "starttls" } });
  const atOnce = await startMailServer({ login: LOGIN, tls: { certificates, begun: "at-once" } });
  await send({ ...begun, tls: "required", login: LOGIN, ca });
  await send({ ...atOnce, tls: "at-once", login: LOGIN, ca });
  for (const server of [begun, atOnce])
    expect(await server.next()).toMatchObject({ encrypted: true, user: "azalai" });
  await expect(send({ ...begun, tls: "required", login: LOGIN })).rejects.toThrow(/certificate/);
  await expect(send({ ...atOnce, tls: "at-once", login: LOGIN })).rejects.toThrow(/certificate/);
  const wrong = { ...LOGIN, password: "PLANTED-other" };
  const failure = await send({ ...begun, tls: "required", login: wrong, ca }).then(
    () => "none",
    (error: Error) => error.message,
  );
  expect(failure).toMatch(/^the mail is not taken: .*535/);
  expect(failure).not.toContain("PLANTED");
});

test("where TLS must be and is not offered, neither password nor mail is sent", async () => {
  const { host, port } = await startMailServer();
  await expect(send({ host, port, tls: "required", login: LOGIN })).rejects.toThrow(/STARTTLS/);
});

test("a box that there is not, and a server that there is not, are failures with a reason", async () => {
  const { host, port } = await startMailServer();
  await expect(send({ host, port, tls: "offered" }, { to: "nobody@example.com" })).rejects.toThrow(
    /550 5.1.1 there is no such box/,
  );
  await expect(send({ host, port: await freePort(), tls: "offered" })).rejects.toThrow(/ECONNREFUSED/);
});

test("what is broken off ends at once", async () => {
  const { host, port } = await startMailServer();
  await expect(send({ host, port, tls: "offered" }, {}, AbortSignal.abort())).rejects.toThrow(/abort/i);
});
