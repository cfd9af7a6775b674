package azalai;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import javax.security.sasl.AuthenticationException;
import org.apache.hive.service.auth.PasswdAuthenticationProvider;

/** Lets into a SQL server on this machine who knows its secret: every user of the machine can reach its port. */
public final class SqlDoor implements PasswdAuthenticationProvider {
  @Override
  public void Authenticate(String user, String password) throws AuthenticationException {
    String secret = System.getenv("AZALAI_ENGINE_SECRET");
    if (secret == null || password == null || !MessageDigest.isEqual(bytes(secret), bytes(password)))
      throw new AuthenticationException("wrong secret");
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
