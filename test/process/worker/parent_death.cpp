#include "fixture.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>

TEST_CASE("the processes of a server that is killed by SIGKILL die with it") {
  // Orphans become this process's children, so that their end can be awaited.
  REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  const process_test::fixture f;
  int output[2];
  REQUIRE(::pipe(output) == 0);
  const pid_t server = ::fork();
  if (server == 0) {
    ::dup2(output[1], STDOUT_FILENO);
    ::execl(TEST_PARENT, TEST_PARENT, f.root().c_str(), nullptr);
    ::_exit(127);
  }
  ::close(output[1]);
  std::FILE* const lines = ::fdopen(output[0], "r");
  int worker = -1;
  REQUIRE(std::fscanf(lines, "%d", &worker) == 1);
  std::fclose(lines);
  REQUIRE(worker > 0);

  ::kill(server, SIGKILL);
  int status = 0;
  CHECK(::waitpid(server, &status, 0) == server);
  CHECK(::waitpid(worker, &status, 0) == worker);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGKILL);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}
