//! The time that counts: hours, urgency and the two clocks.
//!
//! The office is open Monday to Friday from 08:00 to 12:00 and 13:00 to 18:00, one hour ahead of UTC. The
//! script begins on a Thursday, so that is from 7h to 11h and from 12h to 17h, the same a day (24h) later,
//! and then on Monday from 103h on.

use super::script::check;

const OFFICE: &str = "policy guarded-edf v1; tier gold 2h desk within office solve 6h; pool desk;
    hours office 0@60 mon-fri=8-12,13-18";

#[test]
fn a_deadline_counts_open_time_only() {
    check(&format!(
        "{OFFICE}
         0s hours office -> closed until 25200s
         0s submit night gold voice
         0s see night -> waiting, gold, in desk, due 32400s, solved by 50400s
         7h hours office -> open until 39600s
         32400.001s * night late for response
         10h submit noon gold voice
         10h see noon -> waiting, gold, in desk, due 46800s, solved by 61200s"
    ));
}

#[test]
fn what_comes_on_friday_evening_is_due_on_monday() {
    check(&format!(
        "{OFFICE}
         40h submit late gold voice
         40h see late -> waiting, gold, in desk, due 374400s, solved by 392400s
         40h clocks late -> response running with 7200s left, due 374400s;
             solution running with 21600s left, due 392400s
         41h clocks late -> response paused until 370800s with 3600s left, due 374400s;
             solution paused until 370800s with 18000s left, due 392400s
         374400s clocks late -> response running with 0s left, due 374400s;
             solution running with 14400s left, due 392400s
         374400.001s * late late for response
         105h clocks late -> response breached with -3600s left, due 374400s;
             solution running with 10800s left, due 392400s"
    ));
}

#[test]
fn a_ticket_is_served_outside_its_hours_and_its_response_is_met() {
    check(&format!(
        "{OFFICE}
         agent ann desk
         here ann
         0s submit t1 gold voice
         1h pull ann -> t1 #1 earliest-deadline
         1h clocks t1 -> response met, due 32400s;
             solution paused until 25200s with 21600s left, due 50400s"
    ));
}

#[test]
fn a_special_day_has_its_own_hours() {
    check(
        "policy guarded-edf v1; tier gold 2h desk within office; pool desk;
             hours office 0@60 mon-fri=8-18 1970-01-01=10-11 1970-01-02=closed
         0s hours office -> closed until 32400s
         9h hours office -> open until 36000s
         9h submit t1 gold voice
         9h see t1 -> waiting, gold, in desk, due 374400s
         36h hours office -> closed until 370800s",
    );
}

#[test]
fn an_hour_that_the_clocks_leave_out_is_no_open_hour() {
    // At 10h the clocks go from 11:00 to 12:00: the day has an hour less of 08:00 to 18:00.
    check(
        "policy guarded-edf v1; tier gold 8h desk within office; pool desk;
             hours office 0@60,10h@120 mon-fri=8-18
         0s submit t1 gold voice
         0s see t1 -> waiting, gold, in desk, due 54000s
         15h hours office -> open until 57600s",
    );
    // At 10h they go from 11:00 back to 10:00: an hour comes twice, and is open twice.
    check(
        "policy guarded-edf v1; tier gold 8h desk within office; pool desk;
             hours office 0@60,10h@0 mon-fri=8-18
         0s submit t1 gold voice
         0s see t1 -> waiting, gold, in desk, due 54000s
         15h hours office -> open until 64800s",
    );
}

#[test]
fn at_risk_and_starving_are_measured_in_open_time() {
    // Of the 72 h from Friday evening to the deadline a quarter is left on Sunday night: no risk by open
    // time, of which nine hours of ten are left. Nor does a weekend starve anybody.
    check(
        "policy guarded-edf v1 starve 1000; tier gold 10h desk within office; pool desk;
             hours office 0@60 mon-fri=8-18
         agent ann desk
         40h submit t1 gold voice
         40h see t1 -> waiting, gold, in desk, due 403200s
         100h explain t1 -> by v1, 0 ahead; desk: t1 43200s/9000s, t1 by earliest-deadline
         110h explain t1 -> by v1, 0 ahead; desk: t1 7200s/9000s risk, t1 by at-risk
         403200.001s * t1 late for response
         113h explain t1 -> by v1, 0 ahead; desk: t1 -3600s/9000s risk starving, t1 by at-risk",
    );
}

#[test]
fn urgency_scales_both_targets() {
    check(
        "policy guarded-edf v1; tier gold 100s desk solve 1000s low=2000 high=500 critical=250; pool desk
         0s submit low gold voice low
         0s see low -> waiting, gold, in desk, due 200s, solved by 2000s, low
         0s submit plain gold voice normal
         0s see plain -> waiting, gold, in desk, due 100s, solved by 1000s
         0s submit high gold voice high
         0s see high -> waiting, gold, in desk, due 50s, solved by 500s, high
         0s submit critical gold voice critical
         0s see critical -> waiting, gold, in desk, due 25s, solved by 250s, critical
         0s queues -> gold/voice/desk: critical high plain low (0 late)",
    );
}

#[test]
fn a_changed_urgency_counts_from_the_submit_and_back_again() {
    check(
        "policy guarded-edf v1; tier gold 100s desk solve 1000s low=2000 high=500 critical=250; pool desk
         0s submit t1 gold voice
         20s urgency t1 high
         20s see t1 -> waiting, gold, in desk, due 50s, solved by 500s, high
         20s urgency t1 high -> again t1
         30s urgency t1 low
         30s see t1 -> waiting, gold, in desk, due 200s, solved by 2000s, low
         40s urgency t1 critical
         40s * t1 late for response
         40s see t1 -> waiting, gold, in desk, due 25s, solved by 250s, critical
         50s urgency t1 normal
         50s see t1 -> waiting, gold, in desk, due 100s, solved by 1000s
         50s urgency t2 low -> TicketNotFound",
    );
}

#[test]
fn an_urgency_keeps_the_better_promise_of_an_earlier_tier() {
    check(
        "policy guarded-edf v1; tier gold 100s desk; tier base 400s desk low=2000 high=500; pool desk
         0s submit t1 gold voice found
         10s retier t1 base found
         10s see t1 -> waiting, base (found), in desk, due 100s, of c1
         20s urgency t1 high
         20s see t1 -> waiting, base (found), in desk, due 50s, high, of c1
         30s urgency t1 normal
         30s see t1 -> waiting, base (found), in desk, due 100s, of c1
         30s urgency t1 low
         30s see t1 -> waiting, base (found), in desk, due 200s, low, of c1",
    );
}

#[test]
fn a_corrected_tier_counts_its_own_hours_and_urgency_from_the_submit() {
    check(
        "policy guarded-edf v1; tier gold 2h desk within always high=500; tier base 4h desk within office;
             pool desk; hours office 0@60 mon-fri=8-12,13-18; hours always 0@0 mon-sun=0-24
         0s submit t1 base voice found high
         0s see t1 -> waiting, base (found), in desk, due 39600s, high, of c1
         1800s retier t1 gold found
         1800s see t1 -> waiting, gold (found), in desk, due 3600s, high, of c1
         1800s clocks t1 -> response running with 1800s left, due 3600s
         1800s hours always -> always open",
    );
}

#[test]
fn a_policy_change_keeps_the_deadlines_that_were_promised_in_other_hours() {
    check(
        "policy guarded-edf v1; tier gold 2h desk within office; pool desk;
             hours office 0@60 mon-fri=8-12,13-18
         0s submit t1 gold voice high
         1h policy guarded-edf v2; tier gold 1h desk; pool desk
         1h see t1 -> waiting, gold, in desk, due 32400s, high
         1h clocks t1 -> response running with 28800s left, due 32400s",
    );
}

#[test]
fn a_submit_with_another_urgency_is_another_submit() {
    check(
        "policy guarded-edf v1; tier gold 100s desk high=500; pool desk
         0s submit t1 gold voice high
         0s submit t1 gold voice high -> again t1
         0s submit t1 gold voice -> TicketExists",
    );
}

#[test]
fn a_ladder_is_climbed_before_the_deadline_and_after_it() {
    check(
        "policy guarded-edf v1; pool desk; pool backup; pool bosses;
             tier gold 100s desk at 500 guard=1000 at 800 add=backup,tell=lead at 1000 tell=head at 2000 hand=bosses
         0s submit t1 gold voice
         50s * t1 escalates to step 1 in desk, guard 1000
         80s * t1 escalates to step 2 in desk+backup, guard 1000, tells lead
         100s * t1 escalates to step 3 in desk+backup, guard 1000, tells head
         100.001s * t1 late for response
         200s * t1 escalates to step 4 in bosses, guard 1000
         200s see t1 -> waiting, gold, in bosses, due 100s
         300s next -> never",
    );
}

#[test]
fn a_raised_guard_puts_a_ticket_at_risk_and_before_earlier_deadlines() {
    let script = |ladder: &str, step: &str, taken: &str| {
        check(&format!(
            "policy guarded-edf v1; tier gold 3h desk guard 0{ladder}; tier base 2h desk guard 0; pool desk
             agent ann desk
             here ann
             0s submit t1 gold voice
             1800s submit t2 base voice
             {step}
             55m pull ann -> {taken}",
        ));
    };
    script("", "", "t2 #1 earliest-deadline");
    let raised = "2700s * t1 escalates to step 1 in desk, guard 1000";
    script(" at 250 guard=1000", raised, "t1 #1 at-risk");
}

#[test]
fn tickets_of_one_guard_stand_in_one_queue() {
    check(
        "policy guarded-edf v1; tier gold 100s desk at 500 guard=900; pool desk
         0s submit t1 gold voice
         20s submit t2 gold voice
         50s * t1 escalates to step 1 in desk, guard 900
         60s queues -> gold/voice/desk: t2 (0 late); gold/voice/desk: t1 (0 late)
         60s place t2 -> 1
         70s * t2 escalates to step 1 in desk, guard 900
         70s queues -> gold/voice/desk: t1 t2 (0 late)",
    );
}

#[test]
fn of_several_raised_guards_the_last_holds_and_another_tier_knows_none() {
    check(
        "policy guarded-edf v1; tier gold 100s desk at 300 guard=500 at 500 guard=900; tier base 200s desk;
             pool desk
         0s submit t1 gold voice
         30s * t1 escalates to step 1 in desk, guard 500
         50s * t1 escalates to step 2 in desk, guard 900
         55s submit t2 base voice
         55s queues -> gold/voice/desk: t1 (0 late); base/voice/desk: t2 (0 late)
         55s move t1 tier base
         55s queues -> base/voice/desk: t1 t2 (0 late)",
    );
}

#[test]
fn nothing_escalates_where_a_supervisor_has_said_who_serves_it() {
    check(
        "policy guarded-edf v1; tier gold 100s desk at 500 add=backup; pool desk; pool backup; pool last
         0s submit t1 gold voice
         10s move t1 pool last
         60s see t1 -> waiting, gold, in last, due 100s",
    );
}

#[test]
fn nothing_escalates_once_somebody_has_picked_it_up() {
    check(
        "policy guarded-edf v1; tier gold 100s desk at 500 tell=lead; pool desk lease 60s
         agent ann desk
         here ann
         0s submit seen gold voice
         10s pull ann -> seen #1 at-risk
         20s extend seen #1 -> seen #1 at-risk
         30s release seen #1
         90s see seen -> waiting, gold, in desk, due 100s, picked up 10s
         90s cancel seen -> ended 1",
    );
    // A pick-up that nobody saw is none: what fell due meanwhile is made up for.
    check(
        "policy guarded-edf v1; tier gold 100s desk at 500 tell=lead; pool desk lease 60s
         agent ann desk
         here ann
         0s submit lost gold voice
         10s pull ann -> lost #1 at-risk
         70s * lease #1 of lost ends
         70s * lost escalates to step 1 in desk, tells lead",
    );
}

#[test]
fn the_pools_of_the_ladder_come_on_top_of_those_of_the_wait() {
    check(
        "policy guarded-edf v1; pool a; pool b; pool c; pool d; pool e;
             tier gold 100s a then 60s a+b then 90s a+b+c at 500 add=d at 800 hand=e,add=d
         0s submit t1 gold voice
         50s * t1 escalates to step 1 in a+d
         60s * t1 opens to a+b+d
         80s * t1 escalates to step 2 in d+e
         90s * t1 opens to d+e
         90s see t1 -> waiting, gold, in d+e, due 100s
         100.001s * t1 late for response",
    );
}

#[test]
fn the_ladder_counts_open_time() {
    check(
        "policy guarded-edf v1; tier gold 4h desk within office at 500 tell=lead; pool desk;
             hours office 0@60 mon-fri=8-12,13-18
         10h submit t1 gold voice
         46800s * t1 escalates to step 1 in desk, tells lead
         54000.001s * t1 late for response",
    );
}

#[test]
fn a_more_urgent_ticket_climbs_what_is_due_by_then() {
    check(
        "policy guarded-edf v1; tier gold 100s desk high=500 at 500 tell=lead at 900 tell=head; pool desk
         0s submit t1 gold voice
         30s urgency t1 high
         30s * t1 escalates to step 1 in desk, tells lead
         45s * t1 escalates to step 2 in desk, tells head
         50.001s * t1 late for response",
    );
}

#[test]
fn a_corrected_tier_climbs_its_own_ladder_from_the_foot() {
    check(
        "policy guarded-edf v1; tier gold 100s desk at 200 add=backup at 900 tell=head;
             tier base 100s desk at 500 guard=1000; pool desk; pool backup
         0s submit t1 base voice found
         50s * t1 escalates to step 1 in desk, guard 1000
         60s retier t1 gold found
         60s * t1 escalates to step 1 in desk+backup
         90s * t1 escalates to step 2 in desk+backup, tells head
         95s retier t1 gold unknown
         95s * t1 escalates to step 1 in desk, guard 1000
         95s see t1 -> waiting, base (unknown_customer), in desk, due 100s, of c1",
    );
}

#[test]
fn a_policy_change_keeps_the_steps_and_renames_the_pools() {
    let first = "policy guarded-edf v1; tier gold 100s a at 500 add=b,tell=lead; pool a; pool b
         0s submit t1 gold voice
         50s * t1 escalates to step 1 in a+b, tells lead";
    // The same ladder: nobody is told again.
    check(&format!(
        "{first}
         60s policy guarded-edf v2; tier gold 100s a at 500 add=b,guard=900,tell=lead; pool b; pool a
         60s see t1 -> waiting, gold, in b+a, due 100s
         60s queues -> gold/voice/b+a: t1 (0 late)
         100.001s * t1 late for response"
    ));
    // Another: what it would have done by now counts as done.
    check(&format!(
        "{first}
         60s policy guarded-edf v2; tier gold 100s a at 300 add=c at 550 tell=lead at 700 hand=b;
             pool a; pool b; pool c
         60s see t1 -> waiting, gold, in a+c, due 100s
         70s * t1 escalates to step 3 in b
         100.001s * t1 late for response"
    ));
}
