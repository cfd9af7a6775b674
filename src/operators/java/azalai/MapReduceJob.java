package azalai;

import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.conf.Configured;
import org.apache.hadoop.mapreduce.Job;
import org.apache.hadoop.mapreduce.JobStatus;
import org.apache.hadoop.util.Tool;
import org.apache.hadoop.util.ToolRunner;

/**
 * A MapReduce job whose mapper, reducer, input and output stand in its configuration alone, for jars without a main
 * class: <code>MapReduceJob [-conf FILE] [-libjars JARS]</code>. Of the older and the newer interface, Hadoop takes the
 * older one where <code>mapred.mapper.class</code> is set.
 */
public final class MapReduceJob extends Configured implements Tool {
  public static void main(String[] args) throws Exception {
    System.exit(ToolRunner.run(new Configuration(), new MapReduceJob(), args));
  }

  @Override
  public int run(String[] rest) throws Exception {
    Job job = Job.getInstance(getConf());
    if (job.waitForCompletion(true)) return 0;
    JobStatus status = job.getStatus();
    System.err.println(status.getFailureInfo());
    return 1;
  }
}
