/** Sends notices as mail, through the server that the administrator has set; its package is loaded with the first one. */
import { Fault } from "../domain/fault.ts";

/** The server that takes mail, and in whose name it is sent. */
interface MailServer {
  readonly host: string;
  readonly port: number;
  /** `at-once`: TLS from the first byte; else whether it must be begun with STARTTLS, may be, or is not. */
  readonly tls: "at-once" | "required" | "offered" | "never";
  readonly login?: { readonly user: string; readonly password: string };
  readonly from: string;
  /** What the server's certificate must be signed by, as PEM; node's own list where absent. */
  readonly ca?: string;
}

/** One try at one delivery. */
interface MailCall {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly at: Date;
  /** Both the same for every try: a receiver knows by them what it has already. */
  readonly noticeId: string;
  readonly targetId: string;
}

/** Resolves when the server has taken the mail; rejects with a sentence that says why it has not. */
export type SendMail = (mail: MailCall, signal: AbortSignal) => Promise<void>;

const CONNECT_MS = 10_000;
/** Below what a claim of a delivery lasts. */
const TIMEOUT_MS = 30_000;

/** The host is the administrator's word, and may lie anywhere; of what users gave, only the address of the receiver is used. */
export function createMailSender(settings: MailServer): SendMail {
  return async (mail, signal) => {
    const { createTransport } = await loadPackage();
    signal.throwIfAborted();
    const transport = createTransport(transportOf(settings));
    const ended = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const { promise: broken, reject } = Promise.withResolvers<never>();
    const breakOff = () => reject(ended.reason);
    ended.addEventListener("abort", breakOff);
    try {
      const sending = transport.sendMail(messageOf(settings, mail)).catch((error: unknown) => fail(error));
      await Promise.race([sending, broken]);
    } finally {
      ended.removeEventListener("abort", breakOff);
      transport.close();
    }
  };
}

async function loadPackage() {
  try {
    return await import("nodemailer");
  } catch (cause) {
    throw new Fault("unavailable", "server-unavailable", "the package nodemailer is not installed", {
      cause,
    });
  }
}

function transportOf({ host, port, tls, login, ca }: MailServer) {
  return {
    host,
    port,
    secure: tls === "at-once",
    requireTLS: tls === "required",
    ignoreTLS: tls === "never",
    ...(login !== undefined && { auth: { user: login.user, pass: login.password } }),
    ...(ca !== undefined && { tls: { ca } }),
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: CONNECT_MS,
    dnsTimeout: CONNECT_MS,
    // A text is a text, never the name of a file or an address to be fetched.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function messageOf({ from }: MailServer, { to, subject, text, at, noticeId, targetId }: MailCall) {
  return {
    from,
    to: { name: "", address: to },
    subject: subject.replaceAll(/\s+/g, " "),
    text,
    date: at,
    messageId: `<notice.${noticeId}.${targetId}@azalai>`,
    headers: { "X-Azalai-Notice": noticeId, "Auto-Submitted": "auto-generated" },
  };
}

/** The server's own words say best why it refuses; they may run over lines. */
function fail(cause: unknown): never {
  const told = cause instanceof Error ? cause.message : String(cause);
  throw new Fault(
    "unavailable",
    "server-unavailable",
    `the mail is not taken: ${told.replaceAll(/\s+/g, " ")}`,
    {
      cause,
    },
  );
}
