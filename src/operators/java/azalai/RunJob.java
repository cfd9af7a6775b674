package azalai;

import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.mapreduce.util.ConfigUtil;
import org.apache.hadoop.security.UserGroupInformation;
import org.apache.hadoop.util.RunJar;

/**
 * Runs a Hadoop program in this process: <code>RunJob jar JAR [CLASS] ARGUMENT…</code> as <code>hadoop jar</code> does,
 * or <code>RunJob class CLASS ARGUMENT…</code>. What it throws is the last line on standard error.
 */
public final class RunJob {
  private static final String SETTINGS = "azalai-site.xml";

  public static void main(String[] args) {
    try {
      // A user that the system knows only by its number has no name, and Hadoop's log-in fails without one.
      String user = System.getProperty("azalai.user");
      if (user != null) UserGroupInformation.setLoginUser(UserGroupInformation.createRemoteUser(user));
      addSettings();
      String[] rest = Arrays.copyOfRange(args, 1, args.length);
      if (args[0].equals("jar")) runJar(rest);
      else runClass(rest);
    } catch (Throwable failure) {
      Throwable cause = failure instanceof InvocationTargetException ? failure.getCause() : failure;
      cause.printStackTrace();
      System.err.println(cause);
      System.exit(1);
    }
  }

  /**
   * The run's own settings, behind all others: Hadoop's parts add their defaults when they are first used, and what is
   * added last wins.
   */
  private static void addSettings() {
    if (Thread.currentThread().getContextClassLoader().getResource(SETTINGS) == null) return;
    ConfigUtil.loadResources();
    Configuration.addDefaultResource(SETTINGS);
  }

  /** Hadoop's own complaint of a missing class is a line of advice and exit code 255. */
  private static void runJar(String[] words) throws Throwable {
    try (JarFile jar = new JarFile(words[0])) {
      Manifest manifest = jar.getManifest();
      boolean hasMain = manifest != null && manifest.getMainAttributes().getValue("Main-Class") != null;
      if (!hasMain && words.length == 1)
        throw new IllegalArgumentException(words[0] + " names no main class, and the arguments are empty");
    }
    new RunJar().run(words);
  }

  private static void runClass(String[] words) throws Throwable {
    Class<?> program = Class.forName(words[0], true, Thread.currentThread().getContextClassLoader());
    String[] arguments = Arrays.copyOfRange(words, 1, words.length);
    program.getMethod("main", String[].class).invoke(null, (Object) arguments);
  }
}
