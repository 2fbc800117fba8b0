//! Capacity in units: what work on each channel costs, and which channels are open to an agent.
//!
//! An agent has so many units; work in hand uses the units of its channel. Pure functions of what an
//! agent holds and of the policy; who holds what is in `roster`.

use super::model::{Agent, Channel, Image};

/// The most units an agent can have, and the most that a piece of work can cost.
pub const UNITS_MAX: u16 = 100;

/// A set of channels, one bit a channel in the order of [`Channel::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelSet(pub u8);

impl ChannelSet {
    /// No channel at all.
    pub const EMPTY: Self = Self(0);
    /// Every channel.
    pub const ALL: Self = Self(0b11_1111);

    /// The set of these channels.
    pub fn of(channels: impl IntoIterator<Item = Channel>) -> Self {
        channels.into_iter().fold(Self::EMPTY, Self::with)
    }

    /// This set and one channel more.
    #[must_use]
    pub fn with(self, channel: Channel) -> Self {
        Self(self.0 | 1 << channel.index())
    }

    /// Whether `channel` is in the set.
    pub fn contains(self, channel: Channel) -> bool {
        self.0 & 1 << channel.index() != 0
    }

    /// Whether the set holds no channel.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The channels in the order of [`Channel::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Channel> {
        Channel::ALL.into_iter().filter(move |channel| self.contains(*channel))
    }
}

/// What work on one channel asks of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelRule {
    /// The units it uses while it is in hand, 1 to [`UNITS_MAX`].
    pub cost: u16,
    /// Nothing else is begun beside it, and it is begun beside nothing but what it interrupts.
    pub exclusive: bool,
    /// Channels whose work in hand it may interrupt: that work does not count when this begins.
    pub interrupts: ChannelSet,
    /// How long it may use its units after its completion, while its agent writes it up, in milliseconds;
    /// 0 to [`WRAP_UP_MS_MAX`](super::wrap_up::WRAP_UP_MS_MAX), 0 for no wrap-up.
    pub wrap_up_ms: i64,
}

impl Default for ChannelRule {
    /// One unit, beside anything, interrupting nothing, no wrap-up: units are then tickets.
    fn default() -> Self {
        Self { cost: 1, exclusive: false, interrupts: ChannelSet::EMPTY, wrap_up_ms: 0 }
    }
}

/// A number for each channel, in the order of [`Channel::ALL`].
pub type PerChannel = [u16; Channel::ALL.len()];

/// The most pieces of work at once by channel, each 0 to [`UNITS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maxima(pub PerChannel);

impl Default for Maxima {
    /// No channel has a maximum of its own.
    fn default() -> Self {
        Self([UNITS_MAX; Channel::ALL.len()])
    }
}

/// The rule of every channel, in the order of [`Channel::ALL`].
pub type ChannelRules = [ChannelRule; Channel::ALL.len()];

/// The units that an agent's work in hand uses.
pub fn used_units(agent: &Agent, rules: &ChannelRules) -> u32 {
    units_outside(&agent.in_hand, rules, ChannelSet::EMPTY)
}

/// The units of the work in hand on channels outside `apart`.
fn units_outside(in_hand: &PerChannel, rules: &ChannelRules, apart: ChannelSet) -> u32 {
    let counted = Channel::ALL.into_iter().filter(|channel| !apart.contains(*channel));
    let units = counted.map(|channel| {
        let at = channel.index();
        u32::from(in_hand[at]) * u32::from(rules[at].cost)
    });
    units.sum()
}

/// The channels on which an agent can begin one more piece of work.
pub fn open_channels(agent: &Agent, rules: &ChannelRules) -> ChannelSet {
    let in_hand = &agent.in_hand;
    let held = Channel::ALL.into_iter().filter(|channel| in_hand[channel.index()] > 0);
    let held = ChannelSet::of(held);
    if held.iter().any(|channel| rules[channel.index()].exclusive) {
        return ChannelSet::EMPTY;
    }
    let all_used = used_units(agent, rules);
    let is_open = |channel: &Channel| {
        let at = channel.index();
        let rule = &rules[at];
        let used = match held.0 & rule.interrupts.0 {
            0 => all_used,
            _ => units_outside(in_hand, rules, rule.interrupts),
        };
        let of_stream = agent.stream.as_ref().map_or(UNITS_MAX, |stream| stream.maxima.0[at]);
        in_hand[at] < agent.maxima.0[at].min(of_stream)
            && used + u32::from(rule.cost) <= u32::from(agent.capacity)
            && (!rule.exclusive || held.0 & !rule.interrupts.0 == 0)
    };
    ChannelSet::of(Channel::ALL.into_iter().filter(is_open))
}

impl Image {
    /// Gives every agent what follows from tickets and wrap-ups: what is in hand on each channel, and what
    /// is offered.
    pub fn fill_hands(&mut self) {
        let tickets = &self.tickets;
        for agent in &mut self.agents {
            agent.in_hand = PerChannel::default();
            for wrap in &agent.wrapping {
                agent.in_hand[wrap.channel.index()] += 1;
            }
            agent.offered.clear();
            for number in &agent.held {
                // A number without a ticket is for the audit to find.
                let at = tickets.binary_search_by_key(number, |ticket| ticket.number);
                let Ok(ticket) = at.map(|at| &tickets[at]) else { continue };
                agent.in_hand[ticket.channel.index()] += 1;
                if ticket.offer_to(&agent.id).is_some() {
                    agent.offered.push(*number);
                }
            }
        }
    }
}
