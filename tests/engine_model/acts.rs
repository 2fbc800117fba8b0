//! Random policies and actions. An action names things loosely ("one of the tickets there are"); it
//! becomes a command when its turn comes, so that most commands are about something real.

use crate::model::Model;
use proptest::prelude::*;
use std::sync::Arc;
use tierline::engine::capacity::ChannelSet;
use tierline::engine::care::Care;
use tierline::engine::coding::{Found, Known, StaleTier, Standing};
use tierline::engine::command::{AgentProfile, Command, Earlier, Lookup, ReleaseReason, Submit};
use tierline::engine::life::{CallbackNumber, Destination, RequeueLimit};
use tierline::engine::model::{
    AgentId, Caller, Channel, Content, IdentifierKind, LeaseToken, Overflow, Policy, Pool, PoolIx,
    PoolSet, Presence, Report, Rule, TicketId, TicketNumber, Tier, TierIx, Time,
};
use tierline::engine::offered::Offering;
use tierline::engine::timing::{Timing, Urgency};

pub(crate) const AGENTS: usize = 5;
const TIERS: [&str; 5] = ["ivory", "gold", "blue", "grey", "none"];
const POOLS: [&str; 4] = ["desk", "back", "field", "night"];

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Pass {
        ms: i64,
    },
    /// The process dies and starts again from its image.
    Restart,
    Policy(Box<Policy>),
    Agent {
        agent: usize,
        pools: u64,
        capacity: u16,
    },
    Delete {
        agent: usize,
    },
    Presence {
        agent: usize,
        presence: Presence,
    },
    Pause {
        pool: &'static str,
        pause: bool,
    },
    Submit {
        id: Pick,
        lookup: Lookup,
        channel: usize,
        about: u8,
        caller: u8,
        history: bool,
        /// For so much later, if not for now; before now means now.
        ahead_ms: Option<i64>,
        urgency: Urgency,
    },
    Urgency {
        id: Pick,
        urgency: Urgency,
    },
    Update {
        id: Pick,
        about: u8,
    },
    Retier {
        id: Pick,
        lookup: Lookup,
    },
    Cancel {
        id: Pick,
        history: bool,
    },
    Pull {
        agent: usize,
        request: Option<u8>,
        wait_ms: i64,
    },
    Stop {
        agent: usize,
    },
    Extend {
        id: Pick,
        token: Option<u64>,
        by_ms: Option<i64>,
    },
    Complete {
        id: Pick,
        token: Option<u64>,
        history: bool,
    },
    Release {
        id: Pick,
        token: Option<u64>,
        undelivered: bool,
    },
    Park {
        id: Pick,
        token: Option<u64>,
        for_ms: Option<i64>,
    },
    Resume {
        id: Pick,
    },
    Transfer {
        id: Pick,
        token: Option<u64>,
        to: Destination,
        anew: bool,
    },
    Callback {
        id: Pick,
        number: u8,
        ahead_ms: Option<i64>,
        due_ms: Option<i64>,
    },
}

/// Which ticket is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pick {
    /// An id that was never used.
    New,
    /// One of the ids used so far.
    Used(usize),
    /// One of the tickets in agents' hands.
    Held(usize),
}

pub(crate) fn policies() -> impl Strategy<Value = Policy> {
    (
        prop::sample::select(Rule::ALL.to_vec()),
        prop_oneof![3 => Just(Rule::GuardedEdf), 1 => Just(Rule::Fifo)],
        any::<bool>(),
        prop_oneof![
            1 => prop::sample::subsequence(TIERS[..4].to_vec(), 1..=4).prop_shuffle(),
            2 => Just(TIERS[..4].to_vec()).prop_shuffle()
        ],
        prop::sample::subsequence(POOLS.to_vec(), 1..=4).prop_shuffle(),
        (
            prop::sample::select(vec![0, 500, 1000, 2000]),
            prop::sample::select(vec![0, 100, 500, 1000]),
        ),
    )
        .prop_flat_map(|(any_rule, usual, often, tier_names, pool_names, (starve, floor))| {
            let count = tier_names.len();
            let pool_count = pool_names.len();
            let tiers: Vec<_> = tier_names.into_iter().map(|name| tier(name, pool_count)).collect();
            let pools: Vec<_> = pool_names.into_iter().map(|name| pool(name, count)).collect();
            let rule = if often { usual } else { any_rule };
            (tiers, pools, 0..count, 0..count, any::<bool>()).prop_map(
                move |(tiers, pools, unknown, silent, retier_later)| Policy {
                    retier_later,
                    version: "v".into(),
                    rule,
                    starve_after_permille: starve,
                    floor_share_permille: floor,
                    channels: Default::default(),
                    tiers,
                    pools,
                    hours: Vec::new(),
                    unknown_tier: tier_ix(unknown),
                    unavailable_tier: tier_ix(silent),
                    ..Policy::default()
                },
            )
        })
}

fn tier(name: &'static str, pool_count: usize) -> impl Strategy<Value = Tier> {
    let target = || prop::sample::select(vec![1, 5_000, 20_000, 60_000, 1_200_000, 7_200_000]);
    let solve = prop::option::of(prop::sample::select(vec![1_000, 60_000, 9_000_000]));
    let steps = prop::collection::vec((pool_set(pool_count), 1..40_000_i64), 0..3);
    let shares = (0..1100_u32, prop::sample::select(vec![0, 500, 1000, 3000]));
    let factors = vec![[1000; 4], [2000, 1000, 500, 250], [1500, 1000, 1000, 333]];
    let rests = (
        prop::option::weighted(0.3, prop::sample::select(vec![1_000, 30_000, 900_000])),
        prop::sample::select(vec![1_000, 40_000, 9_000_000]),
        prop::option::weighted(0.2, 1..6_u32),
        prop::option::weighted(0.3, (1..4_u32, 0..pool_count)).prop_map(|limit| {
            limit.map(|(requeues_max, pool)| RequeueLimit {
                requeues_max,
                dead_letter: PoolIx(u8::try_from(pool).expect("few pools")),
            })
        }),
        prop::sample::select(factors),
        prop::sample::select(vec![0, 0, 7_000, 600_000]),
        prop::sample::select(StaleTier::ALL.to_vec()),
        prop::sample::select(vec![
            (0b11_1111, false),
            (0b11_1111, false),
            (0b10_0111, false),
            (1, true),
        ]),
    );
    (target(), target(), solve, pool_set(pool_count), steps, shares, rests).prop_map(
        move |(voice, other, solve, pools, steps, (guard, weight), rests)| {
            let (expire, park, most, limit, urgency_permille, head_start, stale, offering) = rests;
            let offering =
                Offering { channels: ChannelSet(offering.0), accepts_others: offering.1 };
            let mut respond_within_ms = [other; 6];
            respond_within_ms[0] = voice;
            let mut after_ms = 0;
            let overflow = steps.into_iter().map(|(pools, more_ms)| {
                after_ms += more_ms;
                Overflow { after_ms, pools, ..Overflow::default() }
            });
            Tier {
                name: name.into(),
                guard_permille: guard,
                weight_permille: weight,
                head_start_ms: [head_start, 0, 0, 0, 0, 0],
                respond_within_ms,
                solve_within_ms: [solve; 6],
                expires_after_ms: [expire; 6],
                requeue_limit: limit,
                stale,
                park_max_ms: [park; 6],
                timing: Timing { urgency_permille, ..Timing::default() },
                pools,
                offer_callback_above_ms: None,
                overflow: overflow.collect(),
                queue_max: [most; 6],
                offering,
                care: Care::default(),
            }
        },
    )
}

fn pool(name: &'static str, tier_count: usize) -> impl Strategy<Value = Pool> {
    let reserve = prop::collection::vec((0..tier_count, 0..3_u32), 0..2);
    let lease_ms = prop::sample::select(vec![1_000, 30_000, 900_000]);
    (lease_ms, reserve, any::<bool>()).prop_map(move |(lease_ms, reserve, floor_over_reserve)| {
        Pool {
            name: name.into(),
            lease_ms,
            floor_over_reserve,
            reserve: reserve.into_iter().map(|(tier, count)| (tier_ix(tier), count)).collect(),
            ..Pool::default()
        }
    })
}

fn pool_set(pool_count: usize) -> impl Strategy<Value = PoolSet> {
    (1..1_u64 << pool_count).prop_map(PoolSet)
}

fn tier_ix(at: usize) -> TierIx {
    TierIx(u8::try_from(at).expect("few tiers"))
}

pub(crate) fn acts() -> impl Strategy<Value = Act> {
    let agent = || 0..AGENTS;
    let token = || prop_oneof![5 => Just(None), 1 => (0..60_u64).prop_map(Some)];
    let held = || {
        prop_oneof![
            8 => any::<usize>().prop_map(Pick::Held),
            1 => any::<usize>().prop_map(Pick::Used),
            1 => Just(Pick::New)
        ]
    };
    let used = || prop_oneof![9 => any::<usize>().prop_map(Pick::Used), 1 => Just(Pick::New)];
    let id = prop_oneof![5 => Just(Pick::New), 1 => any::<usize>().prop_map(Pick::Used)];
    let wait_ms = prop_oneof![1 => Just(-5), 2 => Just(0), 4 => 1..60_000_i64];
    let by_ms = prop::option::of(prop::sample::select(vec![0, 1, 40_000, 86_400_000, 86_400_001]));
    let ahead = prop_oneof![
        8 => Just(None),
        1 => (-5_000..60_000_i64).prop_map(Some),
        1 => prop::sample::select(vec![366 * 86_400_000_i64, 366 * 86_400_000 + 1]).prop_map(Some)
    ];
    let again = prop::option::weighted(0.3, -5_000..60_000_i64);
    let due = prop::option::weighted(0.3, -5_000..90_000_i64);
    let for_ms = prop::option::of(prop::sample::select(vec![0, 1, 20_000, 40_000, 40_001]));
    let ms = prop_oneof![4 => 0..3_000_i64, 4 => 0..60_000_i64, 1 => 0..5_000_000_i64];
    prop_oneof![
        20 => ms.prop_map(|ms| Act::Pass { ms }),
        1 => Just(Act::Restart),
        1 => policies().prop_map(|policy| Act::Policy(Box::new(policy))),
        6 => (agent(), crews(), 1..4_u16)
            .prop_map(|(agent, pools, capacity)| Act::Agent { agent, pools, capacity }),
        1 => agent().prop_map(|agent| Act::Delete { agent }),
        7 => (agent(), presences()).prop_map(|(agent, presence)| Act::Presence { agent, presence }),
        3 => (prop::sample::select(POOLS.to_vec()), prop::bool::weighted(0.4))
            .prop_map(|(pool, pause)| Act::Pause { pool, pause }),
        30 => (id, lookups(), 0..3_usize, 0..2_u8, 0..3_u8, any::<bool>(), ahead, urgencies()).prop_map(
            |(id, lookup, channel, about, caller, history, ahead_ms, urgency)| Act::Submit {
                id, lookup, channel, about, caller, history, ahead_ms, urgency
            }
        ),
        4 => (used(), urgencies()).prop_map(|(id, urgency)| Act::Urgency { id, urgency }),
        2 => (used(), 0..3_u8).prop_map(|(id, about)| Act::Update { id, about }),
        5 => (used(), lookups()).prop_map(|(id, lookup)| Act::Retier { id, lookup }),
        4 => (used(), any::<bool>()).prop_map(|(id, history)| Act::Cancel { id, history }),
        35 => (agent(), prop::option::of(0..3_u8), wait_ms)
            .prop_map(|(agent, request, wait_ms)| Act::Pull { agent, request, wait_ms }),
        2 => agent().prop_map(|agent| Act::Stop { agent }),
        3 => (held(), token(), by_ms)
            .prop_map(|(id, token, by_ms)| Act::Extend { id, token, by_ms }),
        18 => (held(), token(), any::<bool>())
            .prop_map(|(id, token, history)| Act::Complete { id, token, history }),
        5 => (held(), token(), any::<bool>())
            .prop_map(|(id, token, undelivered)| Act::Release { id, token, undelivered }),
        5 => (held(), token(), for_ms).prop_map(|(id, token, for_ms)| Act::Park { id, token, for_ms }),
        3 => used().prop_map(|id| Act::Resume { id }),
        6 => (held(), token(), destinations(), any::<bool>())
            .prop_map(|(id, token, to, anew)| Act::Transfer { id, token, to, anew }),
        5 => (used(), 0..2_u8, again, due)
            .prop_map(|(id, number, ahead_ms, due_ms)| Act::Callback { id, number, ahead_ms, due_ms }),
    ]
}

fn presences() -> impl Strategy<Value = Presence> {
    prop_oneof![
        12 => Just(Presence::Available),
        2 => Just(Presence::Away),
        2 => Just(Presence::Draining)
    ]
}

fn urgencies() -> impl Strategy<Value = Urgency> {
    prop_oneof![2 => Just(Urgency::Normal), 1 => prop::sample::select(Urgency::ALL.to_vec())]
}

/// Bits of pools: as they are, whether the policy has them or not, or from the 16th bit on those of them
/// that it has.
pub(crate) fn crews() -> impl Strategy<Value = u64> {
    prop_oneof![1 => 0..32_u64, 9 => (1..16_u64).prop_map(|pools| pools << 16)]
}

fn destinations() -> impl Strategy<Value = Destination> {
    prop_oneof![
        prop::sample::select(POOLS.to_vec()).prop_map(|pool| Destination::Pool(pool.into())),
        prop::sample::select(TIERS.to_vec()).prop_map(|tier| Destination::Tier(tier.into())),
    ]
}

fn lookups() -> impl Strategy<Value = Lookup> {
    let tier = || prop::sample::select(TIERS.to_vec()).prop_map(Box::<str>::from);
    let customer = || prop::sample::select(vec!["c1", "c2"]).prop_map(Box::<str>::from);
    let standing = || prop_oneof![3 => Just(Standing::Regular), 1 => Just(Standing::AtRisk)];
    let found = || {
        (tier(), customer(), standing()).prop_map(|(tier, customer_id, standing)| {
            Box::new(Found {
                known: Known { standing, ..Known::default() },
                ..Found::plain(tier, customer_id)
            })
        })
    };
    prop_oneof![
        5 => found().prop_map(Lookup::Found),
        2 => (found(), 1..9_i64).prop_map(|(found, age_ms)| Lookup::Stale { found, age_ms }),
        1 => Just(Lookup::UnknownCustomer),
        1 => Just(Lookup::Unavailable),
        2 => tier().prop_map(|tier| Lookup::Given { tier }),
    ]
}

impl Act {
    /// The command that this action is at `now`; `None` when it is none.
    #[expect(clippy::too_many_lines, reason = "one arm for each act")]
    pub(crate) fn command(&self, model: &Model, now: i64) -> Option<Command> {
        Some(match self.clone() {
            Self::Pass { .. } | Self::Restart => return None,
            Self::Policy(policy) => Command::ApplyPolicy { policy: Arc::new(*policy) },
            Self::Agent { agent, pools, capacity } => {
                let known = (1 << model.policy.pools.len()) - 1;
                let wanted = pools >> 16 & known;
                let pools = match (pools >> 16, wanted) {
                    (0, _) => PoolSet(pools),
                    (_, 0) => PoolSet(known),
                    (_, wanted) => PoolSet(wanted),
                };
                Command::PutAgent(AgentProfile {
                    id: agent_id(agent),
                    pools,
                    capacity,
                    ..AgentProfile::default()
                })
            }
            Self::Delete { agent } => Command::DeleteAgent { agent: agent_id(agent) },
            Self::Presence { agent, presence } => {
                Command::SetPresence { agent: agent_id(agent), presence }
            }
            Self::Pause { pool, pause } => {
                let (pool, by, reason) = (pool.into(), "ada".into(), "fire drill".into());
                if pause {
                    Command::PausePool { pool, by, reason }
                } else {
                    Command::ResumePool { pool, by, reason }
                }
            }
            Self::Urgency { id, urgency } => {
                Command::SetUrgency { ticket: id.ticket(model), urgency }
            }
            Self::Submit { id, lookup, channel, about, caller, history, ahead_ms, urgency } => {
                let id = id.ticket(model);
                let kind = if caller == 1 { IdentifierKind::Id } else { IdentifierKind::Phone };
                let value = "c1";
                let caller = Arc::new(Caller::new(kind, value));
                Command::Submit(Box::new(Submit {
                    earlier: earlier(model, &id, history),
                    asked: None,
                    topic: (about == 1).then(|| "late".into()),
                    id,
                    fingerprint: about.into(),
                    channel: Channel::ALL[channel],
                    urgency,
                    caller: Some(caller).filter(|_| about > 0),
                    content: content(about),
                    lookup,
                    not_before: ahead_ms.map(|ms| Time(now + ms)),
                }))
            }
            Self::Update { id, about } => {
                Command::Update { ticket: id.ticket(model), content: content(about) }
            }
            Self::Retier { id, lookup } => Command::Retier { ticket: id.ticket(model), lookup },
            Self::Cancel { id, history } => {
                let ticket = id.ticket(model);
                let earlier = earlier(model, &ticket, history);
                Command::Cancel { ticket, reason: "".into(), earlier }
            }
            Self::Pull { agent, request, wait_ms } => Command::Pull {
                agent: agent_id(agent),
                request: request.map(|request| format!("r{request}").into()),
                wait_until: Time(now + wait_ms),
            },
            Self::Stop { agent } => Command::StopWaiting { agent: agent_id(agent) },
            Self::Extend { id, token, by_ms } => {
                let ticket = id.ticket(model);
                Command::Extend { token: lease_token(model, &ticket, token), ticket, by_ms }
            }
            Self::Complete { id, token, history } => {
                let ticket = id.ticket(model);
                Command::Complete {
                    token: lease_token(model, &ticket, token),
                    earlier: earlier(model, &ticket, history),
                    ticket,
                    report: Report::default(),
                }
            }
            Self::Release { id, token, undelivered } => {
                let ticket = id.ticket(model);
                let reason = if undelivered {
                    ReleaseReason::Undelivered
                } else {
                    ReleaseReason::ByAgent("".into())
                };
                Command::Release { token: lease_token(model, &ticket, token), ticket, reason }
            }
            Self::Park { id, token, for_ms } => {
                let ticket = id.ticket(model);
                let token = lease_token(model, &ticket, token);
                Command::Park { ticket, token, for_ms, keep_ms: None, reason: "".into() }
            }
            Self::Resume { id } => Command::Resume { ticket: id.ticket(model) },
            Self::Transfer { id, token, to, anew } => {
                let ticket = id.ticket(model);
                let token = lease_token(model, &ticket, token);
                Command::Transfer { ticket, token, to, restart_clocks: anew, reason: "".into() }
            }
            Self::Callback { id, number, ahead_ms, due_ms } => Command::RequestCallback {
                ticket: id.ticket(model),
                number: CallbackNumber(format!("55{number}").into()),
                not_before: ahead_ms.map(|ms| Time(now + ms)),
                due_at: due_ms.map(|ms| Time(now + ms)),
            },
        })
    }
}

impl Pick {
    fn ticket(self, model: &Model) -> TicketId {
        let fresh = || TicketId::new(format!("t{}", model.next_number));
        let one_of = |ids: Vec<&TicketId>, at: usize| {
            if ids.is_empty() { fresh() } else { ids[at % ids.len()].clone() }
        };
        match self {
            Self::New => fresh(),
            Self::Used(at) => {
                let ended = model.ended.iter().map(|ended| &ended.id);
                one_of(model.tickets.iter().map(|ticket| &ticket.id).chain(ended).collect(), at)
            }
            Self::Held(at) => {
                let held = model.tickets.iter().filter(|ticket| ticket.lease.is_some());
                one_of(held.map(|ticket| &ticket.id).collect(), at)
            }
        }
    }
}

/// The token that holds the ticket or completed it, unless the action names another.
fn lease_token(model: &Model, id: &TicketId, named: Option<u64>) -> LeaseToken {
    let live = model.tickets.iter().find(|ticket| ticket.id == *id);
    let held = live.and_then(|ticket| ticket.tokens.last().copied());
    let completed = model.past(id, true).and_then(|ended| ended.token);
    LeaseToken(named.or(held).or(completed).unwrap_or(1))
}

/// What the history tells of the id, when it is asked.
fn earlier(model: &Model, id: &TicketId, history: bool) -> Option<Earlier> {
    let past = model.past(id, history)?;
    history.then_some(Earlier {
        number: TicketNumber(past.number),
        fingerprint: past.fingerprint,
        completed_with: past.token.map(LeaseToken),
        has_expired: past.expired,
    })
}

fn content(about: u8) -> Arc<Content> {
    let subject = format!("about {about}").into();
    Arc::new(Content { subject, payload: Box::default(), attributes: Box::default() })
}

fn agent_id(agent: usize) -> AgentId {
    AgentId::new(format!("a{agent}"))
}
