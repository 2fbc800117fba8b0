//! Which ticket next: the rules, the reserve, the floor.

use super::script::check;

#[test]
fn a_gold_ticket_overtakes_a_waiting_standard_one() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 180s desk; pool desk
         agent ann desk
         here ann
         0s submit t1 standard voice
         5s submit t2 gold voice
         6s pull ann -> t2 #1 at-risk
         7s complete t2 #1 -> ended 2
         7s pull ann -> t1 #2 at-risk",
    );
}

#[test]
fn nothing_waits_for_an_agent_of_another_pool() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; pool desk; pool back
         agent bob back
         here bob
         0s submit t1 gold voice
         1s pull bob -> nothing",
    );
}

#[test]
fn while_nothing_is_at_risk_the_earliest_deadline_goes_first() {
    check(
        "policy guarded-edf v1; tier gold 2h desk; tier standard 4h desk; pool desk
         agent ann desk
         here ann
         0h submit t1 standard email
         2.5h submit t2 gold email
         2.5h pull ann -> t1 #1 earliest-deadline",
    );
}

#[test]
fn once_something_is_at_risk_the_highest_tier_among_it_goes_first() {
    check(
        "policy guarded-edf v1; tier gold 2h desk; tier standard 4h desk; pool desk lease 1d
         agent ann desk capacity 3
         here ann
         0h submit t1 standard email
         2.1h submit t2 gold email
         3h pull ann -> t1 #1 at-risk
         3.6h submit t3 standard email
         3.6h pull ann -> t2 #2 at-risk
         3.6h pull ann -> t3 #3 earliest-deadline",
    );
}

#[test]
fn a_ticket_is_at_risk_at_a_quarter_of_its_target_and_not_a_millisecond_before() {
    let both = "policy guarded-edf v1; tier gold 2h desk; tier standard 4h desk; pool desk
                agent ann desk
                here ann
                0h submit t1 gold email
                0h submit t2 standard email";
    check(&format!(
        "{both}\n 1.499h pass -> woken\n 5399.999s pull ann -> t1 #1 earliest-deadline"
    ));
    check(&format!("{both}\n 5400s pull ann -> t1 #1 at-risk"));
}

#[test]
fn two_measured_handling_times_widen_the_guard() {
    // After 20 completions of 45 min the pool believes 45 min, so 90 min before its deadline a
    // ticket is at risk, although a quarter of its two hours would be 30 min.
    let turns = (0..20).map(|turn| {
        let (start, end, n) = (turn * 45, turn * 45 + 45, turn + 1);
        format!(
            "{start}m submit s{n} low email
             {start}m pull ann -> s{n} #{n} earliest-deadline
             {end}m complete s{n} #{n} -> ended {n}\n"
        )
    });
    check(&format!(
        "policy guarded-edf v1; tier gold 2h desk; tier low 2d desk; pool desk lease 1h
         agent ann desk
         here ann
         {}
         900m pool? desk -> 20 handled, 2700s each
         900m submit t1 gold email
         929m explain t1 -> by v1, 0 ahead; desk: t1 5460s/5400s, t1 by earliest-deadline
         930m explain t1 -> by v1, 0 ahead; desk: t1 5400s/5400s risk, t1 by at-risk",
        turns.collect::<String>()
    ));
}

#[test]
fn fifo_serves_the_longest_wait_whatever_the_tier() {
    check(
        "policy fifo v1; tier gold 15s desk; tier standard 180s desk; pool desk
         agent ann desk capacity 3
         here ann
         0s submit t1 standard voice
         1s submit t2 gold voice
         1s submit t3 gold chat
         9s pull ann -> t1 #1 fifo
         9s pull ann -> t2 #2 fifo
         9s pull ann -> t3 #3 fifo",
    );
}

#[test]
fn static_priority_serves_the_highest_tier_however_long_others_wait() {
    check(
        "policy static-priority v1; tier gold 4h desk; tier standard 10s desk; pool desk
         agent ann desk capacity 3
         here ann
         0s submit t1 standard voice
         8s submit t2 gold voice
         8s submit t3 gold chat
         9s pull ann -> t2 #1 priority
         9s pull ann -> t3 #2 priority
         9s pull ann -> t1 #3 priority",
    );
}

#[test]
fn edf_serves_the_earliest_deadline_whatever_the_tier() {
    check(
        "policy edf v1; tier gold 60s desk; tier standard 180s desk; pool desk
         agent ann desk capacity 3
         here ann
         0s submit t1 standard voice
         121s submit t2 gold voice
         121s pull ann -> t1 #1 earliest-deadline",
    );
}

#[test]
fn edf_serves_the_higher_tier_and_then_the_first_arrival_at_one_deadline() {
    check(
        "policy edf v1; tier gold 60s desk; tier standard 180s desk; pool desk
         agent ann desk capacity 3
         here ann
         0s submit t1 standard voice
         120s submit t2 gold voice
         120s submit t3 gold chat
         120s pull ann -> t2 #1 earliest-deadline
         120s pull ann -> t3 #2 earliest-deadline
         120s pull ann -> t1 #3 earliest-deadline",
    );
}

#[test]
fn a_head_start_counts_like_a_wait_before_the_submit() {
    let both = "
        policy accumulating v1; tier gold 1h desk start 30s; tier standard 1h desk; pool desk
        agent ann desk
        here ann
        0s submit t1 standard voice
        40s submit t2 gold voice";
    check(&format!("{both}\n 60s pull ann -> t1 #1 accumulated"));
    let late = both.replace("40s submit", "29.999s submit");
    check(&format!("{late}\n 60s pull ann -> t2 #1 accumulated"));
}

#[test]
fn accumulated_priority_grows_with_the_wait_at_the_rate_of_the_tier() {
    let both =
        "policy accumulating v1; tier gold 1h desk weight 3000; tier standard 1h desk; pool desk
                agent ann desk
                here ann
                0s submit t1 standard voice
                20s submit t2 gold voice";
    check(&format!("{both}\n 29.999s pull ann -> t1 #1 accumulated"));
    check(&format!("{both}\n 30s pull ann -> t2 #1 accumulated"));
}

#[test]
fn a_reserve_keeps_the_last_idle_agent_for_the_higher_tier() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 180s desk; pool desk keep 1 gold
         agent ann desk
         here ann
         0s submit t1 standard voice
         1s pull ann -> held
         2s pull ann until=60s -> waits
         3s submit t2 gold voice
         3s * ann gets t2 #1 at-risk",
    );
}

#[test]
fn an_idle_colleague_frees_a_pull_from_the_reserve() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 180s desk; pool desk keep 1 gold
         agent ann desk
         here ann
         agent bob desk
         here bob
         0s submit t1 standard voice
         1s pull ann until=60s -> waits
         2s pull bob until=60s -> waits
         2s * ann gets t1 #1 at-risk
         3s submit t2 standard voice
         60s * bob waits no more: HeldForTier",
    );
}

#[test]
fn reserves_of_several_tiers_keep_more_the_lower_the_tier() {
    check(
        "policy guarded-edf v1; tier a 15s desk; tier b 60s desk; tier c 180s desk;
                pool desk keep 1 a keep 2 b
         agent ann desk
         here ann
         agent bob desk
         here bob
         agent cid desk
         here cid
         0s submit t1 c voice
         0s submit t2 b voice
         1s pull ann until=9s -> waits
         2s pull bob until=9s -> waits
         2s * ann gets t2 #1 at-risk
         3s pull cid until=9s -> waits
         4s complete t2 #1 -> ended 2
         5s pull ann until=9s -> waits
         5s * bob gets t1 #2 at-risk
         9s * ann waits no more: Nothing
         9s * cid waits no more: Nothing",
    );
}

#[test]
fn an_agent_of_two_pools_is_missing_in_both() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 180s back; pool desk keep 1 gold;
                pool back
         agent ann desk+back
         here ann
         agent bob back
         here bob
         0s submit t1 standard voice
         1s pull ann -> held
         2s pull bob -> t1 #1 at-risk",
    );
}

#[test]
fn higher_tiers_are_not_held_by_their_own_reserve() {
    check(
        "policy fifo v1; tier gold 15s desk; tier standard 180s desk; pool desk keep 1 gold
         agent ann desk
         here ann
         0s submit t1 standard voice
         1s submit t2 gold voice
         2s pull ann -> t2 #1 fifo",
    );
}

#[test]
fn of_several_agents_the_longest_idle_gets_the_ticket_and_then_the_first_by_name() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; pool desk
         agent bob desk
         agent ann desk
         agent cid desk
         0s here bob
         0s here ann
         1s here cid
         2s pull cid until=60s -> waits
         2s pull bob until=60s -> waits
         2s pull ann until=60s -> waits
         3s submit t1 gold voice
         3s * ann gets t1 #1 at-risk
         4s submit t2 gold voice
         4s * bob gets t2 #2 at-risk
         5s submit t3 gold voice
         5s * cid gets t3 #3 at-risk",
    );
}

#[test]
fn the_agent_with_the_lower_load_comes_before_one_who_has_been_idle_longer() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; pool desk
         agent ann desk capacity 2
         agent bob desk capacity 2
         agent cid desk capacity 4
         0s here ann
         0s submit t1 gold voice
         0s submit t2 gold voice
         1s pull ann -> t1 #1 at-risk
         2s here cid
         2s pull cid -> t2 #2 at-risk
         3s here bob
         4s pull ann until=60s -> waits
         4s pull bob until=60s -> waits
         4s pull cid until=60s -> waits
         5s submit t3 gold voice
         5s * bob gets t3 #3 at-risk
         6s submit t4 gold voice
         6s * cid gets t4 #4 at-risk
         7s submit t5 gold voice
         7s * ann gets t5 #5 at-risk",
    );
}

#[test]
fn the_longest_idle_comes_first_across_pools_too() {
    check(
        "policy guarded-edf v1; tier gold 15s desk+back; pool desk; pool back
         agent ann desk
         agent bob back
         0s here bob
         1s here ann
         2s pull ann until=60s -> waits
         2s pull bob until=60s -> waits
         3s submit t1 gold voice
         3s * bob gets t1 #1 at-risk",
    );
}

#[test]
fn the_ticket_goes_out_on_behalf_of_the_first_pool_both_have() {
    check(
        "policy guarded-edf v1; tier gold 15s desk+back; pool desk lease 1m; pool back lease 2m
         agent bob back
         here bob
         agent ann desk+back
         here ann
         0s submit t1 gold voice
         0s submit t2 gold voice
         0s pull bob -> t1 #1 at-risk
         0s pull ann -> t2 #2 at-risk
         0s see t1 -> with bob of back until 120s, gold, in desk+back, due 15s, picked up 0s
         0s see t2 -> with ann of desk until 60s, gold, in desk+back, due 15s, picked up 0s",
    );
}
