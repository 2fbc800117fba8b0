//! Tickets that name agents: preferred for a while, the only one, or excluded.

use super::script::check;

const DESK: &str = "policy guarded-edf v1; skills french; tier gold 1h desk; pool desk; pool back
                    agent ann desk capacity 2
                    here ann
                    agent bob desk
                    here bob
                    agent cid back
                    here cid";

fn check_desk(script: &str) {
    check(&format!("{DESK}\n{script}"));
}

#[test]
fn a_preferred_agent_is_waited_for() {
    check_desk(
        "0s submit t1 gold voice first=ann/30s
         0s see t1 -> waiting, gold, in desk, due 3600s needing first ann
         1s pull bob -> nothing
         2s pull ann -> t1 #1 earliest-deadline",
    );
}

#[test]
fn after_the_wait_anyone_may_serve() {
    check_desk(
        "0s pull bob until=1h -> waits
         0s submit t1 gold voice first=ann/30s
         0s next -> 30s
         30s * t1 is for others too: Waited
         30s * bob gets t1 #1 earliest-deadline",
    );
}

#[test]
fn an_agent_who_is_away_or_unknown_is_not_waited_for() {
    check_desk(
        "0s away ann
         0s submit t1 gold voice first=ann/30s
         0s see t1 -> waiting, gold, in desk, due 3600s
         0s submit t2 gold voice first=zoe/30s
         0s see t2 -> waiting, gold, in desk, due 3600s",
    );
}

#[test]
fn a_preferred_agent_who_goes_away_opens_all_that_waited_for_no_one_else() {
    check_desk(
        "0s submit t1 gold voice first=ann/30s require=french
         0s submit t2 gold email first=ann/30s bar=cid
         0s submit t3 gold email only=ann
         1s away ann
         1s * t1 is for others too needing french=1: Unavailable
         1s * t2 is for others too needing not cid: Unavailable
         2s see t3 -> waiting, gold, in desk, due 3600s needing only ann
         3s here ann
         3s pull ann -> t2 #1 earliest-deadline
         3s pull ann -> t3 #2 earliest-deadline",
    );
}

#[test]
fn the_one_agent_is_waited_for_as_long_as_registered() {
    check_desk(
        "0s submit t1 gold voice only=bob
         10m pull ann -> nothing
         10m away bob
         40m see t1 -> waiting, gold, in desk, due 3600s needing only bob
         55m delete bob
         55m * t1 is for others too: Deleted
         55m pull ann -> t1 #1 at-risk",
    );
}

#[test]
fn a_ticket_for_nobody_registered_is_refused() {
    check_desk("0s submit t1 gold voice only=zoe -> OnlyAgentNotFound");
}

#[test]
fn who_is_named_serves_outside_the_pools_and_without_the_skills() {
    check_desk(
        "0s submit t1 gold voice only=cid require=french
         0s submit t2 gold voice first=cid/30s require=french
         1s pull cid -> t1 #1 earliest-deadline
         1s see t1 -> with cid of back until 901s, gold, in desk, due 3600s needing only cid, picked up 1s
         2s complete t1 #1 -> ended 1
         3s pull cid -> t2 #2 earliest-deadline",
    );
}

#[test]
fn the_wait_goes_on_when_a_lease_ends_unseen_and_not_when_it_is_given_back_by_hand() {
    check(
        "policy guarded-edf v1; tier gold 1h desk; pool desk lease 10s
         agent ann desk
         here ann
         0s submit t1 gold voice first=ann/30s
         0s pull ann -> t1 #1 earliest-deadline
         10s * lease #1 of t1 ends
         10s see t1 -> waiting, gold, in desk, due 3600s needing first ann
         11s pull ann -> t1 #2 earliest-deadline
         12s release t1 #2
         12s * t1 is for others too: GivenBack
         13s see t1 -> waiting, gold, in desk, due 3600s, picked up 11s",
    );
}

#[test]
fn a_lease_that_ends_after_the_wait_opens_the_ticket_at_once() {
    check(
        "policy guarded-edf v1; tier gold 1h desk; pool desk lease 40s
         agent ann desk
         here ann
         0s submit t1 gold voice first=ann/30s
         0s pull ann -> t1 #1 earliest-deadline
         1s away ann
         40s * lease #1 of t1 ends
         40s * t1 is for others too: Unavailable",
    );
}

#[test]
fn excluded_agents_never_serve() {
    check_desk(
        "0s submit t1 gold voice bar=ann+zoe
         0s see t1 -> waiting, gold, in desk, due 3600s needing not ann and not zoe
         1s pull ann -> nothing
         1s pull bob -> t1 #1 earliest-deadline",
    );
}

#[test]
fn a_named_agent_who_waits_already_gets_the_ticket() {
    check_desk(
        "0s pull ann until=1h -> waits
         0s pull bob until=1h -> waits
         1s submit t1 gold voice first=bob/30s
         1s * bob gets t1 #1 earliest-deadline
         2s submit t2 gold voice bar=ann
         3s submit t3 gold voice
         3s * ann gets t3 #2 earliest-deadline",
    );
}

#[test]
fn overflow_adds_pools_while_the_preferred_agent_is_waited_for() {
    check(
        "policy edf v1; tier gold 1h desk then 10s desk+back; pool desk; pool back
         agent ann desk
         here ann
         agent cid back
         here cid
         0s submit t1 gold voice first=ann/30s
         10s * t1 opens to desk+back needing first ann
         11s pull cid -> nothing
         30s * t1 is for others too: Waited
         31s pull cid -> t1 #1 earliest-deadline",
    );
}

#[test]
fn a_new_policy_keeps_waiting_for_the_agent() {
    check_desk(
        "0s submit t1 gold voice first=ann/30s require=french
         1s policy edf v2; skills french; tier gold 1h desk; pool desk
         1s see t1 -> waiting, gold, in desk, due 3600s needing first ann
         30s * t1 is for others too needing french=1: Waited",
    );
}

#[test]
fn the_reserve_holds_against_tickets_for_one_agent_too() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier low 1h desk; pool desk keep 1 gold
         agent ann desk
         here ann
         0s submit t1 low voice only=ann
         1s pull ann -> held",
    );
}
