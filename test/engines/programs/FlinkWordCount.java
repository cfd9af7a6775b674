/** Counts the words of a folder of text, as a batch: lines `word<tab>count` in files of another folder. */
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.common.serialization.SimpleStringEncoder;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.Collector;

public final class FlinkWordCount {
  public static void main(String[] args) throws Exception {
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    env.setRuntimeMode(RuntimeExecutionMode.BATCH);
    FileSource<String> lines =
        FileSource.forRecordStreamFormat(new TextLineInputFormat(), new Path(args[0])).build();
    FileSink<String> counts =
        FileSink.forRowFormat(new Path(args[1]), new SimpleStringEncoder<String>("UTF-8")).build();
    env.fromSource(lines, WatermarkStrategy.noWatermarks(), "lines")
        .flatMap(new Words())
        .keyBy(pair -> pair.f0)
        .sum(1)
        .map(pair -> pair.f0 + "\t" + pair.f1)
        .returns(Types.STRING)
        .sinkTo(counts);
    env.execute();
  }

  public static final class Words implements FlatMapFunction<String, Tuple2<String, Long>> {
    @Override
    public void flatMap(String line, Collector<Tuple2<String, Long>> out) {
      for (String word : line.split("[ \\t\\n\\x0B\\f\\r]+"))
        if (!word.isEmpty()) out.collect(Tuple2.of(word, 1L));
    }
  }
}
