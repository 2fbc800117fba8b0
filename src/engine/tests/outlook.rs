//! What a waiting ticket has before it.

use super::script::check;

const TWO_TIERS: &str =
    "policy static-priority v1; tier gold 15s desk; tier standard 180s desk; pool desk
     agent ann desk
     here ann";

#[test]
fn a_ticket_sees_those_before_it_in_its_own_and_higher_tiers_and_who_is_on_duty() {
    check(&format!(
        "{TWO_TIERS}
         0s submit s1 standard voice
         0s outlook s1 -> 0 ahead, 1 signed in, 0 of 0 hands free, 300s each assumed
         0s pull ann -> s1 #1 priority
         1s submit s2 standard voice
         1s submit s3 standard voice
         1s submit g1 gold voice
         1s outlook s3 -> 2 ahead, 1 signed in, 0 of 1 hands free, 300s each assumed
         1s outlook g1 -> 0 ahead, 1 signed in, 0 of 1 hands free, 300s each assumed"
    ));
}

#[test]
fn what_agents_have_taken_of_higher_tiers_will_come_again_and_overtake() {
    check(&format!(
        "{TWO_TIERS}
         1s submit g1 gold voice
         2s pull ann -> g1 #1 priority
         3s submit s1 standard voice
         3s outlook s1 -> 0 ahead, 1 signed in, 0 of 1 hands free, 300s each assumed, 20 an hour overtake
         3s complete g1 #1 -> ended 1
         3s pull ann -> s1 #2 priority
         4s submit g2 gold voice
         4s outlook g2 -> 0 ahead, 1 signed in, 0 of 1 hands free, 300s each assumed or the last waited 1s, 2s ago"
    ));
}

#[test]
fn nobody_who_is_away_is_on_duty() {
    check(&format!(
        "{TWO_TIERS}
         0s submit s1 standard voice
         0s pull ann -> s1 #1 priority
         0s away ann
         0s submit s2 standard voice
         0s outlook s2 -> 0 ahead, 0 signed in, 0 of 0 hands free, 300s each assumed"
    ));
}

#[test]
fn in_order_of_arrival_every_tier_is_ahead_and_nobody_overtakes() {
    check(
        "policy fifo v1; tier gold 15s desk; tier standard 180s desk; pool desk
         agent ann desk
         here ann
         0s submit g1 gold voice
         0s pull ann -> g1 #1 fifo
         1s submit s1 standard voice
         2s submit g2 gold voice
         2s outlook g2 -> 1 ahead, 1 signed in, 0 of 1 hands free, 300s each assumed
         3s submit s2 standard voice
         3s outlook s2 -> 2 ahead, 1 signed in, 0 of 1 hands free, 300s each assumed",
    );
}

#[test]
fn a_later_step_of_overflow_is_another_way_to_an_agent() {
    check(
        "policy static-priority v1; tier gold 15s desk then 40s back; pool desk; pool back
         agent ann back
         here ann
         1s submit g1 gold voice
         11s outlook g1 -> 0 ahead, 0 signed in, 0 of 0 hands free, 300s each assumed or 0 ahead, 1 signed in, 0 of 0 hands free, 300s each assumed, from 30s",
    );
}

#[test]
fn hang_ups_are_learnt_and_those_ahead_are_expected_to_hang_up() {
    check(&format!(
        "{TWO_TIERS}
         0s submit h1 standard voice
         0s submit h2 standard voice
         0s submit h3 standard voice
         0s submit h4 standard voice
         0s submit h5 standard voice
         100s cancel h1 -> ended 1
         100s cancel h2 -> ended 2
         100s cancel h3 -> ended 3
         100s cancel h4 -> ended 4
         100s cancel h5 -> ended 5
         101s submit s1 standard voice
         101s submit s2 standard voice
         101s outlook s2 -> 1 ahead, 1 signed in, 0 of 0 hands free, 300s each assumed, 10000 ppm hang up
         101s outlook s1 -> 0 ahead, 1 signed in, 0 of 0 hands free, 300s each assumed
         102s policy static-priority v2; tier top 15s desk; tier standard 180s desk; pool desk
         102s outlook s2 -> 1 ahead, 1 signed in, 0 of 0 hands free, 300s each assumed, 10000 ppm hang up"
    ));
}
