//! What falls due: breaches, overflow, and the next instant.

use super::script::check;

#[test]
fn a_deadline_holds_up_to_and_including_its_own_instant() {
    let one = "policy guarded-edf v1; tier gold 15s desk; pool desk
               agent ann desk
               here ann
               0s submit t1 gold voice
               0s next -> 15.001s";
    check(&format!("{one}\n 15s pull ann -> t1 #1 at-risk\n 16s pass -> woken"));
    check(&format!("{one}\n 15.001s * t1 late for response\n 15.001s pull ann -> t1 #1 at-risk"));
}

#[test]
fn each_deadline_is_missed_once() {
    check(
        "policy guarded-edf v1; tier gold 15s desk solve 60s; pool desk lease 20s
         agent ann desk
         here ann
         0s submit t1 gold voice
         15.001s * t1 late for response
         30s pull ann -> t1 #1 at-risk
         50s * lease #1 of t1 ends
         55s pull ann -> t1 #2 at-risk
         60.001s * t1 late for solution
         75s * lease #2 of t1 ends
         80s next -> never
         1d queues -> gold/voice/desk: t1 (1 late)",
    );
}

#[test]
fn a_completion_in_time_misses_nothing() {
    check(
        "policy guarded-edf v1; tier gold 15s desk solve 60s; pool desk
         agent ann desk
         here ann
         0s submit t1 gold voice
         15s pull ann -> t1 #1 at-risk
         60s complete t1 #1 -> ended 1
         61s next -> never",
    );
}

#[test]
fn a_long_wait_opens_a_ticket_to_more_pools_step_by_step() {
    check(
        "policy guarded-edf v1; tier gold 10m a then 40s a+b then 80s a+b+c; pool a; pool b; pool c
         agent bob b
         here bob
         agent cid c
         here cid
         0s pull cid until=5m -> waits
         0s submit t1 gold voice
         10s pull bob until=30s -> waits
         30s * bob waits no more: Nothing
         40s * t1 opens to a+b
         50s see t1 -> waiting, gold, in a+b, due 600s
         80s * t1 opens to a+b+c
         80s * cid gets t1 #1 at-risk",
    );
}

#[test]
fn overflow_goes_on_after_a_ticket_comes_back() {
    check(
        "policy guarded-edf v1; tier gold 10m a then 40s a+b then 80s a+b+c; pool a lease 100s; pool b; pool c
         agent ann a
         here ann
         0s submit t1 gold voice
         0s pull ann -> t1 #1 at-risk
         100s * lease #1 of t1 ends
         100s * t1 opens to a+b
         100s * t1 opens to a+b+c",
    );
}

#[test]
fn a_late_wake_up_tells_everything_that_fell_due() {
    check(
        "policy guarded-edf v1; tier gold 15s a solve 60s then 10s a+b; pool a; pool b
         agent ann b
         here ann
         0s submit t1 gold voice
         1s pull ann until=30s -> waits
         1h wake -> woken
         1h * t1 opens to a+b
         1h * ann gets t1 #1 at-risk
         1h * t1 late for solution",
    );
}

#[test]
fn durations_beyond_all_measure_stop_at_the_end_of_time() {
    check(
        "policy guarded-edf v1; tier gold 9223372036854775807ms a solve 9223372036854775807ms then 9223372036854775807ms a guard 4294967295;
                pool a lease 9223372036854775807ms
         agent ann a capacity 2
         here ann
         9s submit t1 gold voice
         9s submit t2 gold voice
         9s pull ann -> t1 #1 at-risk
         9s extend t1 #1 -> t1 #1 at-risk
         10s pull ann until=9223372036854775807ms -> t2 #2 at-risk
         11s complete t1 #1 -> ended 1
         11s next -> 9223372036854775.807s",
    );
}

#[test]
fn the_next_instant_is_the_first_of_all() {
    check(
        "policy guarded-edf v1; tier gold 1h a solve 2h then 40s a+b; pool a lease 60s; pool b lease 60s
         agent ann a
         here ann
         0s next -> never
         0s pull ann until=30s -> waits
         0s next -> 30s
         1s submit t1 gold email
         1s * ann gets t1 #1 earliest-deadline
         1s next -> 61s
         2s submit t2 gold email
         2s next -> 42s",
    );
}
