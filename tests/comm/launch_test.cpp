#include "lockstep/comm/launch.h"

#include <cstdlib>
#include <map>

#include "support/expect_error.h"

namespace lockstep::comm {
namespace {

using Variables = std::map<std::string, std::string>;

/// discover_launch() in a child's environment would be slow; here the launchers' variables are replaced and put back.
class Environment {
 public:
  explicit Environment(const Variables& variables) {
    for (const char* name : kNames) {
      if (const char* value = std::getenv(name)) saved_[name] = value;
      ::unsetenv(name);
    }
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() {
    for (const char* name : kNames) ::unsetenv(name);
    for (const auto& [name, value] : saved_) ::setenv(name.c_str(), value.c_str(), 1);
  }

 private:
  static constexpr const char* kNames[] = {"OMPI_COMM_WORLD_RANK",
                                           "OMPI_COMM_WORLD_SIZE",
                                           "OMPI_COMM_WORLD_LOCAL_RANK",
                                           "OMPI_COMM_WORLD_LOCAL_SIZE",
                                           "PMIX_RANK",
                                           "PMI_SIZE",
                                           "SLURM_PROCID",
                                           "SLURM_NTASKS",
                                           "SLURM_LOCALID",
                                           "SLURM_NODEID",
                                           "SLURM_NNODES",
                                           "SLURM_STEP_ID",
                                           "SLURM_STEPID",
                                           "SLURM_STEP_NUM_TASKS",
                                           "SLURM_STEP_NUM_NODES",
                                           "SLURM_STEP_TASKS_PER_NODE",
                                           "SLURM_NTASKS_PER_NODE"};
  Variables saved_;
};

Launch discover(const Variables& variables) {
  Environment environment(variables);
  return discover_launch();
}

TEST(Launch, IsOneRankWhenStartedByHand) {
  const Launch launch = discover({});
  EXPECT_EQ(launch.rank, 0);
  EXPECT_EQ(launch.size, 1);
  EXPECT_EQ(launch.launcher, "");
  EXPECT_NE(launch.host, "");
  EXPECT_EQ(launch.hosts(), 1);
}

TEST(Launch, ReadsOpenMpi) {
  const Launch launch = discover({{"OMPI_COMM_WORLD_RANK", "5"},
                                  {"OMPI_COMM_WORLD_SIZE", "8"},
                                  {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                  {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"},
                                  {"PMIX_RANK", "5"}});
  EXPECT_EQ(launch.rank, 5);
  EXPECT_EQ(launch.size, 8);
  EXPECT_EQ(launch.local_rank, 1);
  EXPECT_EQ(launch.local_size, 4);
  EXPECT_EQ(launch.launcher, "mpirun");
  EXPECT_EQ(launch.hosts(), 2);
}

const Variables kStep = {{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "5"},
                         {"SLURM_PROCID", "4"},  {"SLURM_LOCALID", "0"},
                         {"SLURM_NODEID", "2"},  {"SLURM_STEP_TASKS_PER_NODE", "2(x2),1"}};

Variables step_with(const Variables& others) {
  Variables variables = others;
  variables.insert(kStep.begin(), kStep.end());
  return variables;
}

TEST(Launch, ReadsAStepOfSrun) {
  const Launch launch = discover(kStep);
  EXPECT_EQ(launch.rank, 4);
  EXPECT_EQ(launch.size, 5);
  EXPECT_EQ(launch.local_rank, 0);
  EXPECT_EQ(launch.local_size, 1);
  EXPECT_EQ(launch.launcher, "srun");
}

TEST(Launch, CountsTheTasksOfItsNode) {
  EXPECT_EQ(discover(step_with({{"SLURM_PROCID", "3"}, {"SLURM_NODEID", "1"}, {"SLURM_LOCALID", "1"}})).local_size, 2);
}

TEST(Launch, DoesNotTakeABatchScriptForARank) {
  const Launch launch =
      discover({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}, {"SLURM_LOCALID", "0"}, {"SLURM_NODEID", "0"}});
  EXPECT_EQ(launch.size, 1);
  EXPECT_EQ(launch.launcher, "");
}

TEST(Launch, BelievesMpirunInsideASlurmJob) {
  const Launch launch = discover(step_with({{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}}));
  EXPECT_EQ(launch.rank, 1);
  EXPECT_EQ(launch.launcher, "mpirun");
}

TEST(Launch, RefusesAnEnvironmentThatContradictsItself) {
  const Variables wrong[] = {
      {{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "2"}},
      {{"OMPI_COMM_WORLD_RANK", "0"}},
      {{"OMPI_COMM_WORLD_RANK", "zero"}, {"OMPI_COMM_WORLD_SIZE", "2"}},
      {{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"PMIX_RANK", "1"}},
      {{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "3"}},
      {{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}},
      {{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_PROCID", "2"}},
      {{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_PROCID", "1"}, {"PMIX_RANK", "0"}},
      {{"PMI_SIZE", "4"}},
  };
  for (const auto& variables : wrong) {
    SCOPED_TRACE(variables.begin()->first);
    test::expect_contains(test::expect_error(ErrorKind::kUsage, [&] { discover(variables); }), " ");
  }
}

}  // namespace
}  // namespace lockstep::comm
