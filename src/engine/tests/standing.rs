//! How a customer stands changes deadlines, pools and the agent, and nothing is refused for it.

use super::script::check;

const DESK: &str = "policy guarded-edf v1; tier gold 1h desk solve 2h then 10m desk+back;
                    tier low 4h desk; pool desk; pool back; pool care;
                    standing new scale 500; standing at_risk add care first customer/30s;
                    standing farewell pools care only customer
                    agent ann desk capacity 2
                    here ann
                    agent cid care
                    here cid";

fn check_desk(script: &str) {
    check(&format!("{DESK}\n{script}"));
}

#[test]
fn a_standing_scales_both_deadlines() {
    check_desk(
        "0s submit t1 gold voice found
         0s see t1 -> waiting, gold (found), in desk, due 3600s, solved by 7200s, of c1
         0s submit t2 gold voice found stands=new
         0s see t2 -> waiting, gold (found), in desk, due 1800s, solved by 3600s, of c1",
    );
}

#[test]
fn pools_are_added_and_stay_so_when_the_wait_adds_others() {
    check_desk(
        "0s submit t1 gold voice found stands=at_risk
         0s see t1 -> waiting, gold (found), in desk+care, due 3600s, solved by 7200s, of c1
         10m * t1 opens to desk+back+care
         10m pull cid -> t1 #1 earliest-deadline",
    );
}

#[test]
fn pools_that_replace_those_of_the_tier_stay_whatever_the_wait() {
    check_desk(
        "0s submit t1 gold voice found stands=farewell
         0s see t1 -> waiting, gold (found), in care, due 3600s, solved by 7200s, of c1
         10m * t1 opens to care
         11m pull ann -> nothing
         11m pull cid -> t1 #1 earliest-deadline",
    );
}

#[test]
fn the_customers_agent_is_waited_for_a_while() {
    check_desk(
        "0s submit t1 gold voice found stands=at_risk own=ann
         0s see t1 -> waiting, gold (found), in desk+care, due 3600s needing first ann, solved by 7200s, of c1
         1s pull cid until=1h -> waits
         30s * t1 is for others too: Waited
         30s * cid gets t1 #1 earliest-deadline",
    );
}

#[test]
fn the_one_agent_who_explains_serves_alone() {
    check_desk(
        "0s submit t1 gold voice found stands=farewell own=ann
         0s see t1 -> waiting, gold (found), in care, due 3600s needing only ann, solved by 7200s, of c1
         1s pull cid -> nothing
         1s pull ann -> t1 #1 earliest-deadline",
    );
}

#[test]
fn an_agent_who_is_not_registered_or_excluded_is_ignored_and_a_wish_of_the_ticket_wins() {
    check_desk(
        "0s submit t1 gold voice found stands=farewell own=zoe
         0s see t1 -> waiting, gold (found), in care, due 3600s, solved by 7200s, of c1
         0s submit t2 gold voice found stands=farewell own=ann bar=ann
         0s see t2 -> waiting, gold (found), in care, due 3600s needing not ann, solved by 7200s, of c1
         0s submit t3 gold voice found stands=farewell own=ann only=cid
         0s see t3 -> waiting, gold (found), in care, due 3600s needing only cid, solved by 7200s, of c1",
    );
}

#[test]
fn a_standing_that_changes_while_the_ticket_waits_brings_the_deadline_forward_and_never_back() {
    check_desk(
        "0s submit t1 gold voice found
         1m retier t1 gold found stands=new
         1m see t1 -> waiting, gold (found), in desk, due 1800s, solved by 3600s, of c1
         2m retier t1 gold found stands=at_risk
         2m see t1 -> waiting, gold (found), in desk+care, due 1800s, solved by 3600s, of c1
         3m retier t1 low found
         3m see t1 -> waiting, low (found), in desk, due 1800s, solved by 3600s, of c1",
    );
}

#[test]
fn a_policy_that_treats_a_standing_otherwise_moves_what_waits() {
    check_desk(
        "0s submit t1 gold voice found stands=at_risk
         1m policy guarded-edf v2; tier gold 1h desk; pool desk; pool back; pool care;
         standing at_risk pools back
         1m see t1 -> waiting, gold (found), in back, due 3600s, solved by 7200s, of c1",
    );
}

#[test]
fn a_farewell_that_comes_while_the_ticket_waits_leaves_it_to_the_one_agent_and_is_lifted_again() {
    check_desk(
        "0s submit t1 gold voice found
         1m retier t1 gold found stands=farewell own=ann
         1m see t1 -> waiting, gold (found), in care, due 3600s needing only ann, solved by 7200s, of c1
         1m pull cid -> nothing
         2m retier t1 gold found stands=farewell own=cid
         2m see t1 -> waiting, gold (found), in care, due 3600s needing only cid, solved by 7200s, of c1
         2m pull ann -> nothing
         3m retier t1 gold found
         3m see t1 -> waiting, gold (found), in desk, due 3600s, solved by 7200s, of c1
         3m pull ann -> t1 #1 earliest-deadline",
    );
}

#[test]
fn a_ticket_that_is_kept_for_who_parked_it_goes_to_the_one_agent_of_a_farewell() {
    check_desk(
        "0s submit t1 gold voice found
         0s pull ann -> t1 #1 earliest-deadline
         1s park t1 #1 1h keep=10m
         2s resume t1
         2s see t1 -> waiting, gold (found), in desk, due 3601s needing first ann, solved by 7201s, picked up 0s, of c1
         3s retier t1 gold found stands=at_risk
         3s see t1 -> waiting, gold (found), in desk+care, due 3601s needing first ann, solved by 7201s, picked up 0s, of c1
         4s retier t1 gold found stands=farewell own=cid
         4s see t1 -> waiting, gold (found), in care, due 3601s needing only cid, solved by 7201s, picked up 0s, of c1
         5s pull ann -> nothing
         5s pull cid -> t1 #2 earliest-deadline",
    );
}

#[test]
fn a_standing_that_is_lifted_leaves_a_ticket_to_the_same_agent_for_whom_it_is_kept() {
    check_desk(
        "0s submit t1 gold voice found stands=at_risk own=ann
         0s pull ann -> t1 #1 earliest-deadline
         1s park t1 #1 1h keep=10m
         2s resume t1
         3s retier t1 gold found
         3s see t1 -> waiting, gold (found), in desk, due 3601s needing first ann, solved by 7201s, picked up 0s, of c1
         4s retier t1 gold found stands=at_risk own=cid
         4s pull cid -> nothing
         601s * t1 opens to desk+back+care needing first ann
         602s * t1 is for others too: Waited
         603s pull cid -> t1 #2 earliest-deadline",
    );
}

#[test]
fn a_ticket_is_kept_no_shorter_than_its_standing_asks() {
    check_desk(
        "0s submit t1 gold voice found stands=at_risk own=ann
         0s pull ann -> t1 #1 earliest-deadline
         1s park t1 #1 1h keep=1s
         2s resume t1
         2s next -> 31s",
    );
}

#[test]
fn an_agent_who_waits_gets_the_ticket_that_a_correction_leaves_to_them() {
    check_desk(
        "0s submit t1 gold voice found stands=farewell
         1s pull ann until=1h -> waits
         1m retier t1 gold found stands=farewell own=ann
         1m * ann gets t1 #1 earliest-deadline",
    );
}

#[test]
fn what_the_ticket_asked_itself_stays_whatever_its_customers_standing_becomes() {
    check_desk(
        "0s submit t1 gold voice found only=cid
         1m retier t1 gold found stands=farewell own=ann
         1m see t1 -> waiting, gold (found), in care, due 3600s needing only cid, solved by 7200s, of c1
         2m retier t1 gold found
         2m see t1 -> waiting, gold (found), in desk, due 3600s needing only cid, solved by 7200s, of c1
         2m submit t2 gold voice found bar=ann
         3m retier t2 gold found stands=farewell own=ann
         3m see t2 -> waiting, gold (found), in care, due 3720s needing not ann, solved by 7320s, of c1",
    );
}

#[test]
fn a_correction_waits_for_the_customers_agent_only_for_what_is_left_of_the_time() {
    check_desk(
        "0s submit t1 gold voice found
         10s retier t1 gold found stands=at_risk own=ann
         10s see t1 -> waiting, gold (found), in desk+care, due 3600s needing first ann, solved by 7200s, of c1
         30s * t1 is for others too: Waited
         30s submit t2 gold voice found
         61s retier t2 gold found stands=at_risk own=ann
         61s see t2 -> waiting, gold (found), in desk+care, due 3630s, solved by 7230s, of c1",
    );
}

#[test]
fn whoever_held_it_before_the_correction_does_not_answer_for_the_agent_it_waits_for_then() {
    check_desk(
        "0s submit t1 gold voice found
         1s pull ann -> t1 #1 earliest-deadline
         2s retier t1 gold found stands=at_risk own=cid
         3s release t1 #1
         3s see t1 -> waiting, gold (found), in desk+care, due 3600s needing first cid, solved by 7200s, picked up 1s, of c1
         4s pull cid -> t1 #2 earliest-deadline
         5s release t1 #2
         5s * t1 is for others too: GivenBack",
    );
}

#[test]
fn the_agent_goes_with_the_standing_also_where_it_was_there_at_the_submit() {
    check_desk(
        "0s submit t1 gold voice found stands=farewell own=ann
         1m retier t1 gold found stands=farewell own=ann
         1m see t1 -> waiting, gold (found), in care, due 3600s needing only ann, solved by 7200s, of c1
         2m retier t1 ? unknown
         2m see t1 -> waiting, low (unknown_customer), in desk, due 3600s, solved by 7200s, of c1",
    );
}

#[test]
fn a_dead_letter_and_a_ticket_given_to_somebody_by_name_stay_where_they_are() {
    check(
        "policy guarded-edf v1; tier gold 1h desk returns 0 back; pool desk; pool back;
         standing farewell only customer
         agent ann desk
         here ann
         agent eve back
         here eve
         0s submit t1 gold voice found
         0s pull ann -> t1 #1 earliest-deadline
         1s release t1 #1 reason=lunch
         2s retier t1 gold found stands=farewell own=ann
         2s pull ann -> nothing
         2s pull eve -> t1 #2 earliest-deadline",
    );
    check_desk(
        "0s submit t1 gold voice found
         0s pull ann -> t1 #1 earliest-deadline
         1s transfer t1 #1 agent cid
         2s retier t1 gold found stands=farewell own=ann
         2s pull ann -> nothing
         2s pull cid -> t1 #2 earliest-deadline",
    );
}

#[test]
fn another_policys_agent_comes_with_the_next_correction() {
    check_desk(
        "0s submit t1 gold voice found stands=farewell own=ann
         1m policy guarded-edf v2; tier gold 1h desk solve 2h then 10m desk+back; tier low 4h desk;
         pool desk; pool back; pool care; standing farewell pools care only cid
         1m see t1 -> waiting, gold (found), in care, due 3600s needing only ann, solved by 7200s, of c1
         2m retier t1 gold found stands=farewell own=ann
         2m see t1 -> waiting, gold (found), in care, due 3600s needing only cid, solved by 7200s, of c1",
    );
}
