import java.util.Arrays;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import scala.Tuple2;

/** Counts words: INPUT OUTPUT; or goes wrong: fail, task, exit, flood, wait. */
public final class SparkWordCount {
  public static void main(String[] args) throws Exception {
    try (JavaSparkContext spark = new JavaSparkContext(new SparkConf())) {
      switch (args[0]) {
        case "fail":
          throw new IllegalStateException("the program says no: " + args[1]);
        case "task":
          spark.parallelize(Arrays.asList(1, 0)).map(divisor -> 1 / divisor).collect();
          break;
        case "exit":
          System.exit(Integer.parseInt(args[1]));
          break;
        case "flood":
          String line = "x".repeat(1023);
          for (int count = 0; count < Integer.parseInt(args[1]) * 1024; count++) System.out.println(line);
          System.out.println("the end of it");
          break;
        case "wait":
          System.out.println("waiting");
          Thread.sleep(600_000);
          break;
        case "words":
          System.out.println(String.join("|", args));
          System.out.println(spark.getConf().get("spark.azalai.test", "none"));
          break;
        default:
          spark
              .textFile(args[0])
              .flatMap(text -> Arrays.asList(text.split("[ \\t\\n\\x0B\\f\\r]+")).iterator())
              .filter(word -> !word.isEmpty())
              .mapToPair(word -> new Tuple2<>(word, 1))
              .reduceByKey(Integer::sum)
              .map(pair -> pair._1 + "\t" + pair._2)
              .saveAsTextFile(args[1]);
      }
    }
  }
}
