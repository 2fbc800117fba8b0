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
         0s submit t1 gold voice
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
         0s submit t1 base voice high
         0s see t1 -> waiting, base, in desk, due 39600s, high
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
