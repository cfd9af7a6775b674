"""A mail server for tests: prints its port, then what it takes, a JSON object a line. Arguments: JSON, see main."""

import email
import email.policy
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

# It warns of what the tests are about.
warnings.simplefilter("ignore")
logging.disable()


def tell(what):
    print(json.dumps(what), flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 5.1.1 there is no such box"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        tell(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "headers": {name.lower(): value for name, value in message.items()},
                "text": message.get_content().replace("\r\n", "\n"),
                "encrypted": server.transport.get_extra_info("ssl_object") is not None,
                "user": session.auth_data.decode() if session.auth_data else None,
            }
        )
        return "250 OK"


def main(user=None, password=None, cert=None, key=None, starttls=False, at_once=False):
    context = None
    if cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)

    def authenticate(server, session, envelope, mechanism, data):
        known = (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=known, auth_data=data.login if known else None, handled=False)

    settings = {"hostname": "127.0.0.1", "port": 0, "ready_timeout": 20}
    if user:
        settings.update(authenticator=authenticate, auth_required=True, auth_require_tls=starttls)
    if starttls:
        settings.update(tls_context=context)
    if at_once:
        settings.update(ssl_context=context)

    class Anywhere(Controller):
        def _trigger_server(self):
            """It would dial the port that was asked for, which is not the one that was given."""
            self.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    controller = Anywhere(Handler(), **settings)
    controller.start()
    tell({"port": controller.port})
    sys.stdin.read()
    controller.stop()


main(**json.loads(sys.argv[1]))
