//! Skills: required, preferred and excluded, and what a wait drops of them.

use super::script::check;

const DESK: &str = "policy guarded-edf v1; skills french german trainee; tier gold 1h desk; tier standard 4h desk; pool desk
                    agent ann desk can french=3
                    here ann
                    agent bob desk can french=7+trainee capacity 2
                    here bob
                    agent cid desk
                    here cid";

fn check_desk(script: &str) {
    check(&format!("{DESK}\n{script}"));
}

#[test]
fn a_required_skill_is_served_by_those_who_have_it_at_the_level() {
    check_desk(
        "0s submit t1 gold voice require=french:5
         0s see t1 -> waiting, gold, in desk, due 3600s needing french=5
         1s pull ann -> nothing
         1s pull cid -> nothing
         2s pull bob -> t1 #1 earliest-deadline",
    );
}

#[test]
fn every_required_skill_must_be_there() {
    check_desk(
        "0s submit t1 gold voice require=french require=german
         1s pull bob -> nothing
         2s agent dee desk can german+french
         2s here dee
         2s pull dee -> t1 #1 earliest-deadline",
    );
}

#[test]
fn an_agent_steps_past_what_others_must_serve() {
    check_desk(
        "0s submit t1 gold voice require=german
         1s submit t2 standard voice
         2s pull cid -> t2 #1 earliest-deadline
         2s queues -> gold/voice/desk needing german=1: t1 (0 late)",
    );
}

#[test]
fn an_excluded_skill_keeps_those_who_have_it_away_at_any_level() {
    check_desk(
        "0s submit t1 gold voice exclude=trainee
         1s pull bob -> nothing
         1s pull cid -> t1 #1 earliest-deadline",
    );
}

#[test]
fn equal_needs_are_one_queue_and_their_order_is_the_rule_s() {
    check_desk(
        "0s submit t1 gold voice require=french:2 exclude=trainee
         1s submit t2 gold voice exclude=trainee require=french:2
         2s submit t3 gold voice require=french:3
         2s queues -> gold/voice/desk needing french=2 and no trainee: t1 t2 (0 late); gold/voice/desk needing french=3: t3 (0 late)
         3s pull ann -> t1 #1 earliest-deadline
         3s complete t1 #1 -> ended 1
         4s pull ann -> t2 #2 earliest-deadline",
    );
}

#[test]
fn of_waiting_agents_those_with_the_preferred_skill_come_first() {
    check_desk(
        "0s pull cid until=1h -> waits
         1s pull ann until=1h -> waits
         2s pull bob until=1h -> waits
         3s submit t1 gold voice prefer=french:5
         3s * bob gets t1 #1 earliest-deadline
         4s submit t2 gold voice prefer=french:3
         4s * ann gets t2 #2 earliest-deadline
         5s submit t3 gold voice prefer=french
         5s * cid gets t3 #3 earliest-deadline",
    );
}

#[test]
fn who_has_more_of_the_preferred_skills_comes_first_whatever_the_pool_chooses_by() {
    check(
        "policy edf v1; skills french german; tier gold 1h desk; pool desk choice longest-idle
         agent ann desk can french=9
         here ann
         agent bob desk can french+german
         1s here bob
         2s pull ann until=1h -> waits
         2s pull bob until=1h -> waits
         3s submit t1 gold voice prefer=french prefer=german
         3s * bob gets t1 #1 earliest-deadline",
    );
}

#[test]
fn a_skill_is_dropped_after_its_own_time() {
    check_desk(
        "0s submit t1 gold voice require=french:5@30s require=german@40s exclude=trainee@50s
         0s next -> 30s
         30s * t1 opens to desk needing german=1 and no trainee
         40s * t1 opens to desk needing no trainee
         50s * t1 opens to desk
         60s pull cid -> t1 #1 earliest-deadline",
    );
}

#[test]
fn a_skill_dropped_stays_dropped_when_the_ticket_comes_back() {
    check_desk(
        "0s submit t1 gold voice require=french@30s
         30s * t1 opens to desk
         31s pull cid -> t1 #1 earliest-deadline
         32s release t1 #1
         32s see t1 -> waiting, gold, in desk, due 3600s, picked up 31s",
    );
}

const STEPS: &str = "policy guarded-edf v1; skills french german; pool desk; pool back;
                     tier gold 1h desk then 40s desk lower 2 then 80s desk+back lower 4 drop german
                     agent ann desk can french=3
                     here ann
                     agent bob back
                     here bob";

#[test]
fn an_overflow_step_lowers_levels_drops_skills_and_adds_pools() {
    check(&format!(
        "{STEPS}
         0s submit t1 gold voice require=french:5 require=german:9
         40s * t1 opens to desk needing french=3 and german=7
         80s * t1 opens to desk+back needing french=1
         81s pull bob -> nothing
         81s pull ann -> t1 #1 earliest-deadline"
    ));
}

#[test]
fn no_level_falls_below_1() {
    check(&format!(
        "{STEPS}
         0s submit t1 gold voice require=french:2
         40s * t1 opens to desk needing french=1
         80s * t1 opens to desk+back needing french=1"
    ));
}

#[test]
fn a_step_and_a_drop_at_one_instant_are_one_event() {
    check(&format!(
        "{STEPS}
         0s submit t1 gold voice require=french:5@40s
         40s * t1 opens to desk
         80s * t1 opens to desk+back"
    ));
}

#[test]
fn a_corrected_tier_takes_its_own_steps_over_the_same_wish() {
    check(
        "policy guarded-edf v1; skills french; pool desk; tier gold 1h desk then 40s desk lower 2; tier low 2h desk
         0s submit t1 ? voice unknown require=french:5
         41s see t1 -> waiting, low (unknown_customer), in desk, due 7200s needing french=5
         42s retier t1 gold found
         42s see t1 -> waiting, gold (found), in desk, due 3600s needing french=3, of c1",
    );
}

#[test]
fn an_unknown_skill_is_refused() {
    check_desk(
        "0s submit t1 gold voice require=french require=martian -> SkillNotFound { at: 1 }
         0s agent dee desk can martian -> SkillNotFound { at: 0 }",
    );
}

#[test]
fn a_new_policy_keeps_skills_by_their_names() {
    check_desk(
        "0s submit t1 gold voice require=french:5 exclude=trainee prefer=german
         1s policy edf v2; skills trainee welsh french; tier gold 1h desk; tier standard 4h desk; pool desk
         1s see t1 -> waiting, gold, in desk, due 3600s needing french=5 and no trainee
         2s pull bob -> nothing
         2s agent dee desk can french=5
         2s here dee
         2s pull dee -> t1 #1 earliest-deadline",
    );
}

#[test]
fn a_skill_that_live_tickets_require_cannot_be_dropped() {
    check_desk(
        "0s submit t1 gold voice require=french:5
         0s submit t2 gold voice exclude=trainee
         1s policy edf v2; skills trainee; tier gold 1h desk; tier standard 4h desk; pool desk -> PolicyStrandsSkill { skill: SkillIx(0), count: 1 }
         2s policy edf v2; skills french; tier gold 1h desk; tier standard 4h desk; pool desk
         2s see t2 -> waiting, gold, in desk, due 3600s",
    );
}

#[test]
fn a_new_policy_takes_the_steps_that_waits_have_earned() {
    check_desk(
        "0s submit t1 gold voice require=french:5@50s require=german@20s
         20s * t1 opens to desk needing french=5
         30s policy edf v2; skills german french; tier gold 1h desk then 25s desk lower 3; tier standard 4h desk; pool desk
         30s see t1 -> waiting, gold, in desk, due 3600s needing french=2
         50s * t1 opens to desk",
    );
}

#[test]
fn an_explanation_without_skilled_agents_tells_of_who_would_serve() {
    check(
        "policy edf v1; skills french; tier gold 1h desk; pool desk
         agent ann desk
         here ann
         0s submit t1 gold voice require=french:5
         0s explain t1 -> by v1, 0 ahead; desk: t1 3600s/900s, t1 by earliest-deadline",
    );
}
