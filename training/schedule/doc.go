// Package schedule runs jobs by the clock, each as a child process of its own,
// so that a job which runs out of memory or crashes takes nothing else with it.
//
//  1. A tick of an entry's cron expression is due, or one was missed while the
//     server was down and is caught up.
//  2. If the job is still running, the tick is recorded as skipped. Otherwise the
//     run is recorded and the child started: in a process group of its own, at low
//     priority, with its output in a log file and the run's id in EnvRunID. The
//     child therefore does not record the run again; it may Annotate it.
//  3. When the child ends, whatever it left running in its group is killed, and
//     the run is recorded with its exit code and the last lines of its log.
//
// When the server stops, children are asked to end (SIGTERM) and, after a
// grace, made to (SIGKILL).
package schedule
