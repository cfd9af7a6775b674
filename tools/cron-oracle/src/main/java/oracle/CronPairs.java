package oracle;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.text.ParseException;
import java.time.Instant;
import java.time.ZoneId;
import java.time.zone.ZoneOffsetTransition;
import java.time.zone.ZoneRules;
import java.util.Date;
import java.util.Random;
import java.util.StringJoiner;
import java.util.TimeZone;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.quartz.CronExpression;

/**
 * Writes one line for each expression: kind, expression, zone, and pairs after=next in seconds since 1970, parted by
 * tabs; next is - where Quartz finds none. Arguments: a seed and how many expressions.
 */
public final class CronPairs {
  private static final int INSTANTS = 12;
  private static final long FROM = Instant.parse("1990-01-01T00:00:00Z").getEpochSecond();
  private static final long TO = Instant.parse("2035-01-01T00:00:00Z").getEpochSecond();
  private static final long NEAR_SECONDS = 30 * 3600;
  private static final int ANSWER_SECONDS = 5;
  private static final Executor ASKING =
      Executors.newCachedThreadPool(
          work -> {
            Thread thread = new Thread(work);
            thread.setDaemon(true);
            return thread;
          });
  private static final String[] WEEKDAYS = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};
  private static final String[] MONTHS = {
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"
  };
  /** Zones whose clocks change, by an hour, by half an hour (Lord Howe) and by a day (Apia), and some that do not. */
  private static final String[] ZONES = {
    "UTC", "Asia/Shanghai", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo", "America/Phoenix", "Pacific/Honolulu",
    "Africa/Lagos", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
    "America/Anchorage", "America/St_Johns", "America/Halifax", "America/Havana", "America/Santiago",
    "America/Sao_Paulo", "America/Mexico_City", "Atlantic/Azores", "Europe/London", "Europe/Dublin", "Europe/Lisbon",
    "Europe/Berlin", "Europe/Paris", "Europe/Athens", "Europe/Istanbul", "Europe/Moscow", "Asia/Jerusalem",
    "Asia/Tehran", "Asia/Amman", "Australia/Sydney", "Australia/Adelaide", "Australia/Lord_Howe", "Pacific/Auckland",
    "Pacific/Chatham", "Pacific/Apia", "Africa/Cairo"
  };

  private final Random random;
  private String kind = "";

  private CronPairs(long seed) {
    random = new Random(seed);
  }

  public static void main(String[] arguments) throws ParseException {
    CronPairs pairs = new CronPairs(Long.parseLong(arguments[0]));
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    for (int left = Integer.parseInt(arguments[1]); left > 0; left--) out.println(pairs.line());
    out.flush();
    System.exit(0);
  }

  private String line() throws ParseException {
    kind = "plain";
    String text = expression();
    String zone = pick(ZONES);
    CronExpression cron = new CronExpression(text);
    cron.setTimeZone(TimeZone.getTimeZone(zone));
    ZoneRules rules = ZoneId.of(zone).getRules();
    StringJoiner line = new StringJoiner("\t").add(kind).add(text).add(zone);
    long after = instant(rules);
    for (int n = 0; n < INSTANTS; n++) {
      Date next;
      try {
        next = answer(cron, new Date(after * 1000));
      } catch (TimeoutException stuck) {
        System.err.printf("Quartz does not end: %s in %s after %s%n", text, zone, Instant.ofEpochSecond(after));
        return line.toString();
      }
      line.add(after + "=" + (next == null ? "-" : next.getTime() / 1000));
      boolean goOn = next != null && n % 3 != 2; // some in a row, as a schedule asks
      after = goOn ? next.getTime() / 1000 : instant(rules);
    }
    return line.toString();
  }

  /** In a thread that can be left behind: Quartz 2.3.2 goes round for ever on some expressions where midnight is skipped. */
  private static Date answer(CronExpression cron, Date after) throws TimeoutException {
    FutureTask<Date> task = new FutureTask<>(() -> cron.getNextValidTimeAfter(after));
    ASKING.execute(task);
    try {
      return task.get(ANSWER_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException | ExecutionException failed) {
      throw new IllegalStateException(cron.getCronExpression(), failed);
    }
  }

  /** Half of them close to a change of the zone's clock, where it has any. */
  private long instant(ZoneRules rules) {
    long any = FROM + (long) (random.nextDouble() * (TO - FROM));
    ZoneOffsetTransition change = rules.nextTransition(Instant.ofEpochSecond(any));
    if (change == null || random.nextBoolean()) return any;
    return change.toEpochSecond() + (long) ((random.nextDouble() * 2 - 1) * NEAR_SECONDS);
  }

  private String expression() {
    return random.nextInt(4) == 0 ? daily() : calendar();
  }

  /** Fires often in the hours in which clocks are changed. */
  private String daily() {
    kind += " daily";
    String minutes = random.nextBoolean() ? String.valueOf(between(0, 59)) : field(0, 59, null);
    String hours = random.nextInt(3) > 0 ? String.valueOf(between(0, 4)) : field(0, 23, null);
    return String.join(" ", "0", minutes, hours, random.nextBoolean() ? "* * ?" : "? * *");
  }

  private String calendar() {
    boolean byWeek = random.nextInt(3) == 0;
    String day = byWeek ? "?" : day();
    String week = byWeek ? week() : "?";
    String seconds = random.nextInt(4) > 0 ? "0" : field(0, 59, null);
    String minutes = field(0, 59, null);
    String hours = field(0, 23, null);
    String months = random.nextInt(3) > 0 ? "*" : field(1, 12, MONTHS);
    String text = String.join(" ", seconds, minutes, hours, day, months, week);
    if (random.nextInt(5) > 0) return text;
    kind += " year";
    return text + " " + years();
  }

  /** A value, a list, a range, a range that runs past the end, a step, all. */
  private String field(int low, int high, String[] names) {
    switch (random.nextInt(8)) {
      case 0:
        return "*";
      case 1:
        return list(low, high, names);
      case 2: {
        int from = between(low, high);
        return range(from, between(from, high), low, names);
      }
      case 3: {
        int to = between(low, high - 1);
        kind += " wrap";
        return range(between(to + 1, high), to, low, names);
      }
      case 4:
        return between(low, high) + "/" + between(1, high - low);
      case 5:
        return "*/" + between(1, high - low);
      case 6: {
        int from = between(low, high - 1);
        return from + "-" + between(from + 1, high) + "/" + between(1, 5);
      }
      default:
        return name(between(low, high), low, names);
    }
  }

  /** Quartz reads both ends as names or both as numbers. */
  private String range(int from, int to, int low, String[] names) {
    String[] both = random.nextBoolean() ? names : null;
    return both == null ? from + "-" + to : both[from - low] + "-" + both[to - low];
  }

  private String list(int low, int high, String[] names) {
    StringJoiner items = new StringJoiner(",");
    for (int n = between(2, 4); n > 0; n--) items.add(name(between(low, high), low, names));
    return items.toString();
  }

  private String name(int value, int low, String[] names) {
    return names == null || random.nextBoolean() ? String.valueOf(value) : names[value - low];
  }

  private String day() {
    switch (random.nextInt(8)) {
      case 0:
        return marked("L", "L");
      case 1:
        return marked("L-n", "L-" + between(1, 30));
      case 2:
        return marked("LW", "LW");
      case 3:
        return marked("L-nW", "L-" + between(1, 12) + "W");
      case 4:
        return marked("nW", between(1, 28) + "W"); // later ones: docs/decisions/0003
      default:
        return field(1, 31, null);
    }
  }

  private String week() {
    int weekday = between(1, 7);
    switch (random.nextInt(6)) {
      case 0:
        return marked("nL", name(weekday, 1, WEEKDAYS) + "L");
      case 1:
      case 2:
        return marked("#", name(weekday, 1, WEEKDAYS) + "#" + between(1, 5));
      case 3:
        return marked("week L", "L");
      default:
        return field(1, 7, WEEKDAYS);
    }
  }

  private String years() {
    int from = between(1990, 2040);
    switch (random.nextInt(5)) {
      case 0:
        return from + "-" + between(from, 2060);
      case 1:
        return from + "/" + between(1, 9);
      case 2:
        return list(1990, 2060, null);
      case 3:
        return "*/" + between(2, 9);
      default:
        return String.valueOf(from);
    }
  }

  private String marked(String mark, String text) {
    kind += " " + mark;
    return text;
  }

  private int between(int low, int high) {
    return low + random.nextInt(high - low + 1);
  }

  private <T> T pick(T[] choices) {
    return choices[random.nextInt(choices.length)];
  }
}
