/** Fails in its first record, or in `main` itself. */
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

public final class FlinkFailure {
  public static void main(String[] args) throws Exception {
    if (args.length > 0) throw new IllegalArgumentException("main was told: " + args[0]);
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    env.fromSequence(1, 10)
        .map(
            number -> {
              if (number > 0) throw new IllegalStateException("record " + number + " is broken");
              return number;
            })
        .print();
    env.execute();
  }
}
