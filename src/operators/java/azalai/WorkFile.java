package azalai;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A command as a file, so that no word of it ever passes through a shell: lines <code>arg WORD</code>,
 * <code>env NAME VALUE</code>, <code>file NAME WANTED_NAME</code> and <code>folder PATH</code>, each word in Base64 of
 * UTF-8. An empty word is <code>-</code>.
 */
final class WorkFile {
  final List<String> words = new ArrayList<>();
  final Map<String, String> environment = new LinkedHashMap<>();
  /** Files of the container by the names that the program wants. */
  final Map<String, String> files = new LinkedHashMap<>();
  /** Where its files lie on the cluster, to be taken away at the end. */
  String folder;

  static WorkFile read(String path) throws IOException {
    WorkFile work = new WorkFile();
    for (String line : Files.readAllLines(Paths.get(path), StandardCharsets.US_ASCII)) {
      String[] parts = line.split(" ");
      if (parts[0].equals("arg")) work.words.add(decode(parts[1]));
      else if (parts[0].equals("env")) work.environment.put(decode(parts[1]), decode(parts[2]));
      else if (parts[0].equals("file")) work.files.put(decode(parts[2]), decode(parts[1]));
      else if (parts[0].equals("folder")) work.folder = decode(parts[1]);
      else throw new IOException("a line of " + path + " is none of arg, env, file, folder");
    }
    if (work.words.isEmpty()) throw new IOException(path + " names no program");
    return work;
  }

  private static String decode(String word) {
    return word.equals("-") ? "" : new String(Base64.getDecoder().decode(word), StandardCharsets.UTF_8);
  }
}
