/**
 * Writes 0, 1, 2 … each into a line of files of a folder, one each few milliseconds, and makes a checkpoint twice a second:
 * what has been committed is a beginning of the numbers without a hole and without a repeat, however often it was stopped.
 */
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.serialization.SimpleStringEncoder;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.filesystem.rollingpolicies.OnCheckpointRollingPolicy;

public final class FlinkNumbers {
  public static void main(String[] args) throws Exception {
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    env.setParallelism(1);
    env.enableCheckpointing(500);
    FileSink<String> lines =
        FileSink.forRowFormat(new Path(args[0]), new SimpleStringEncoder<String>("UTF-8"))
            .withRollingPolicy(OnCheckpointRollingPolicy.build())
            .build();
    env.fromSequence(0, 1_000_000_000L)
        .map(new Slowly(Long.parseLong(args[1])))
        .uid("slowly")
        .sinkTo(lines)
        .uid("lines");
    env.execute();
  }

  public static final class Slowly implements MapFunction<Long, String> {
    private final long pauseMs;

    public Slowly(long pauseMs) {
      this.pauseMs = pauseMs;
    }

    @Override
    public String map(Long number) throws Exception {
      Thread.sleep(pauseMs);
      return Long.toString(number);
    }
  }
}
