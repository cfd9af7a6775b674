package azalai;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.net.NetUtils;
import org.apache.hadoop.yarn.api.records.FinalApplicationStatus;
import org.apache.hadoop.yarn.client.api.AMRMClient;
import org.apache.hadoop.yarn.conf.YarnConfiguration;

/**
 * An application master of one container: registers, runs the command of a work file in its own container, and
 * unregisters with the command's exit code in its diagnostics: <code>Launcher WORK_FILE</code>.
 */
public final class Launcher {
  /** The exit code of a shell whose command is not there. */
  private static final int NOT_STARTED = 127;
  private static final long HEARTBEAT_MS = 500;
  private static final long GRACE_MS = 5000;

  public static void main(String[] args) throws Exception {
    AMRMClient<AMRMClient.ContainerRequest> manager = AMRMClient.createAMRMClient();
    manager.init(new YarnConfiguration());
    manager.start();
    manager.registerApplicationMaster(NetUtils.getHostname(), 0, "");
    String diagnostics;
    int exitCode;
    WorkFile work = WorkFile.read(args[0]);
    try {
      exitCode = run(work, manager);
      diagnostics = "exit code " + exitCode;
    } catch (IOException failure) {
      exitCode = NOT_STARTED;
      diagnostics = "exit code " + NOT_STARTED + ": " + failure.getMessage();
      System.err.println(failure.getMessage());
    }
    FinalApplicationStatus end = exitCode == 0 ? FinalApplicationStatus.SUCCEEDED : FinalApplicationStatus.FAILED;
    clean(work);
    manager.unregisterApplicationMaster(end, diagnostics, "");
    manager.stop();
    Runtime.getRuntime().halt(exitCode);
  }

  private static int run(WorkFile work, AMRMClient<?> manager) throws Exception {
    for (Map.Entry<String, String> file : work.files.entrySet()) link(file.getValue(), file.getKey());
    // The Java that runs this is the one that the node has for its programs.
    if (work.words.get(0).equals("java")) work.words.set(0, System.getProperty("java.home") + "/bin/java");
    ProcessBuilder builder = new ProcessBuilder(work.words).inheritIO();
    builder.redirectInput(new File("/dev/null"));
    builder.environment().putAll(work.environment);
    Process program = builder.start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> end(program)));
    while (!program.waitFor(HEARTBEAT_MS, TimeUnit.MILLISECONDS)) manager.allocate(0.5f);
    return program.exitValue();
  }

  /** YARN knows the files by plain names, because it writes these into a script. */
  private static void link(String name, String wanted) throws IOException {
    Path path = Paths.get(wanted).normalize();
    if (path.isAbsolute() || path.startsWith("..")) throw new IOException(wanted + " is no name of a file");
    if (path.getParent() != null) Files.createDirectories(path.getParent());
    Files.createSymbolicLink(path, Paths.get(name).toRealPath());
  }

  /** What cannot be taken away is no reason for the program to have failed. */
  private static void clean(WorkFile work) {
    if (work.folder == null) return;
    try {
      FileSystem.get(new YarnConfiguration()).delete(new org.apache.hadoop.fs.Path(work.folder), true);
    } catch (IOException failure) {
      System.err.println("azalai: " + work.folder + " stays: " + failure.getMessage());
    }
  }

  private static void end(Process program) {
    program.destroy();
    try {
      if (!program.waitFor(GRACE_MS, TimeUnit.MILLISECONDS)) program.destroyForcibly();
    } catch (InterruptedException interrupted) {
      program.destroyForcibly();
    }
  }
}
