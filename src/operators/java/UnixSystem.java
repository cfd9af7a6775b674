package com.sun.security.auth.module;

/**
 * Stands for Java's own class of this name (`--patch-module jdk.security.auth=…`): nodes run as numeric users without an account,
 * for whom that one finds no name, and Hadoop's libraries then refuse to log in.
 */
public class UnixSystem {
  protected String username = System.getProperty("user.name");
  protected long uid = Long.getLong("azalai.uid", 65534L);
  protected long gid = uid;
  protected long[] groups = {};

  public String getUsername() {
    return username;
  }

  public long getUid() {
    return uid;
  }

  public long getGid() {
    return gid;
  }

  public long[] getGroups() {
    return groups;
  }
}
