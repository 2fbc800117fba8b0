//! `tierline agents`: makes, lists, changes and removes agents.

use super::Context;
use super::connect::Connection;
use super::console;
use super::fault::Fault;
use super::humane;
use super::table::{Facts, Table};
use super::view::{self, AGENT_FIELDS};
use super::wish;
use super::words::{self, AgentStateWord, ChannelWord};
use crate::api::proto::v1;
use clap::{Subcommand, ValueEnum as _};

/// Agents asked for in one page.
const PAGE: u32 = 500;

/// What can be done with agents.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List agents with what they do and hold
    #[command(after_help = list_help())]
    List {
        /// Only agents of this pool
        #[arg(long, value_name = "POOL")]
        pool: Option<String>,
        /// Only agents in this state; may be given several times
        #[arg(long, value_name = "STATE")]
        state: Vec<AgentStateWord>,
    },
    /// Show one agent
    #[command(after_help = AGENT_FIELDS)]
    Get {
        /// The agent
        id: String,
    },
    /// Make an agent, or change one
    ///
    /// A new agent is away until it works or is made available. Of an agent that is there name, pools,
    /// skills and capacity are replaced; presence and tickets stay.
    #[command(after_help = put_help())]
    Put {
        /// The agent's id: 1 to 64 characters of A-Z a-z 0-9 . _ : -
        id: String,
        /// A pool of the policy the agent serves in; give it once for each
        #[arg(long, value_name = "POOL", required = true)]
        pool: Vec<String>,
        /// The agent's name for display, at most 128 characters
        #[arg(long, value_name = "NAME", default_value = "")]
        name: String,
        /// A skill of the policy the agent has, with its level from 1 to 10; give it once for each
        #[arg(long, value_name = "SKILL[=LEVEL]", value_parser = wish::skill)]
        skill: Vec<v1::SkillLevel>,
        /// How many units of work the agent may hold at once, 1 to 100; tickets, unless the policy gives
        /// channels a cost
        #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
        capacity: u32,
        /// At most so many tickets of a channel at once, 0 to 100; give it once for each channel
        #[arg(long, value_name = "CHANNEL=COUNT", value_parser = maximum)]
        max: Vec<(ChannelWord, u32)>,
    },
    /// Remove an agent who holds no ticket
    Delete {
        /// The agent
        id: String,
    },
    /// Say that an agent has written up a ticket that it completed, and takes the next
    ///
    /// Where the policy gives a channel time for it (`wrap_up`), the ticket's units stay in use until this is said or
    /// the time is up. Said again, it changes nothing.
    #[command(after_help = AGENT_FIELDS)]
    WrappedUp {
        /// The agent
        id: String,
        /// The ticket
        ticket: String,
        /// The token of the assignment, as `tierline work --output json` shows it
        #[arg(long)]
        token: u64,
    },
    /// Say that an agent takes work
    #[command(after_help = AGENT_FIELDS)]
    Available {
        /// The agent
        id: String,
    },
    /// Say that an agent takes no work; what the agent holds stays held
    #[command(after_help = AGENT_FIELDS)]
    Away {
        /// The agent
        id: String,
    },
    /// Let an agent finish what is held, give nothing new, and then set the agent away
    ///
    /// A pull in progress ends and offers go back. Who holds nothing is away at once.
    #[command(after_help = AGENT_FIELDS)]
    Drain {
        /// The agent
        id: String,
    },
}

fn list_help() -> String {
    format!(
        "JSON: a list of agents.\n{AGENT_FIELDS}\n\n\
         Examples:\n  tierline agents list --state waiting\n  tierline agents list --pool desk --output json"
    )
}

fn put_help() -> String {
    format!(
        "{AGENT_FIELDS}\n\n\
         Examples:\n  tierline agents put ada --pool desk --name 'Ada Brook'\n  \
         tierline agents put eva --pool desk --skill french=7 --skill billing\n  \
         tierline agents put ben --pool desk --pool backup --capacity 6 --max chat=3"
    )
}

impl Command {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let connection = context.connect().await?;
        let mut admin = connection.admin();
        match self {
            Self::List { pool, state } => list(context, &connection, pool, &state).await,
            Self::Get { id } => {
                let request = v1::GetAgentRequest { agent_id: id };
                let answer = connection.call(admin.get_agent(request)).await?;
                show(context, &connection, answer.agent).await
            }
            Self::Put { id, pool, name, skill, capacity, max } => {
                let request = v1::PutAgentRequest {
                    agent_id: id,
                    name,
                    pools: pool,
                    capacity,
                    skills: skill,
                    maxima: maxima(&max),
                };
                let answer = connection.call(admin.put_agent(request)).await?;
                show(context, &connection, answer.agent).await
            }
            Self::Delete { id } => {
                let request = v1::DeleteAgentRequest { agent_id: id.clone() };
                connection.call(admin.delete_agent(request)).await?;
                console::note(format_args!("agent {id} is removed"));
                Ok(())
            }
            Self::WrappedUp { id, ticket, token } => {
                let request =
                    v1::FinishWrapUpRequest { agent_id: id, ticket_id: ticket, lease_token: token };
                let answer = connection.call(connection.agent().finish_wrap_up(request)).await?;
                show(context, &connection, answer.agent).await
            }
            Self::Available { id } => {
                let agent = set_presence(&connection, &id, v1::Presence::Available).await?;
                show(context, &connection, Some(agent)).await
            }
            Self::Away { id } => {
                let agent = set_presence(&connection, &id, v1::Presence::Away).await?;
                show(context, &connection, Some(agent)).await
            }
            Self::Drain { id } => {
                let agent = set_presence(&connection, &id, v1::Presence::Draining).await?;
                show(context, &connection, Some(agent)).await
            }
        }
    }
}

/// Reads `chat=3`, for clap.
pub(crate) fn maximum(text: &str) -> Result<(ChannelWord, u32), String> {
    let (channel, count) = text.split_once('=').ok_or("it is not CHANNEL=COUNT")?;
    let channel = ChannelWord::from_str(channel, false)?;
    let count = count.parse().ok().filter(|count| *count <= 100);
    Ok((channel, count.ok_or_else(|| "the count is not 0 to 100".to_owned())?))
}

/// Maxima as the contract has them.
pub(crate) fn maxima(given: &[(ChannelWord, u32)]) -> Vec<v1::ChannelMaximum> {
    let maximum = |(channel, max): &(ChannelWord, u32)| v1::ChannelMaximum {
        channel: v1::Channel::from(*channel).into(),
        max: *max,
    };
    given.iter().map(maximum).collect()
}

/// Makes an agent available or away, or lets one drain.
pub(crate) async fn set_presence(
    connection: &Connection,
    id: &str,
    presence: v1::Presence,
) -> Result<v1::Agent, Fault> {
    let request = v1::SetPresenceRequest { agent_id: id.to_owned(), presence: presence as i32 };
    let answer = connection.call(connection.agent().set_presence(request)).await?;
    answer.agent.ok_or(Fault::Answer("agent"))
}

async fn list(
    context: &Context,
    connection: &Connection,
    pool: Option<String>,
    states: &[AgentStateWord],
) -> Result<(), Fault> {
    let mut ops = connection.ops();
    let mut request = v1::ListAgentsRequest {
        pool: pool.unwrap_or_default(),
        states: states.iter().map(|state| v1::AgentState::from(*state) as i32).collect(),
        page_size: PAGE,
        page_token: String::new(),
    };
    let mut agents = vec![];
    loop {
        let page = connection.call(ops.list_agents(request.clone())).await?;
        agents.extend(page.agents);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    if context.is_json() {
        return console::json(&agents.into_iter().map(view::Agent::from).collect::<Vec<_>>());
    }
    let mut table = Table::new()
        .left("agent")
        .left("name")
        .left("pools")
        .left("skills")
        .left("state")
        .left("presence")
        .right("holds")
        .right("capacity")
        .left("tickets");
    for agent in agents {
        let held: Vec<_> = agent.held.iter().map(|held| held.ticket_id.as_str()).collect();
        table.row([
            agent.agent_id.into(),
            agent.name.into(),
            agent.pools.join(", ").into(),
            wish::words(&agent.skills).into(),
            words::agent_state(agent.state).into(),
            words::presence(agent.presence).into(),
            held.len().to_string().into(),
            agent.capacity.to_string().into(),
            held.join(", ").into(),
        ]);
    }
    if table.len() == 0 {
        console::note("no agents; make one with `tierline agents put ID --pool POOL`");
        return Ok(());
    }
    console::say(table)
}

async fn show(
    context: &Context,
    connection: &Connection,
    agent: Option<v1::Agent>,
) -> Result<(), Fault> {
    let agent = agent.ok_or(Fault::Answer("agent"))?;
    if context.is_json() {
        return console::json(&view::Agent::from(agent));
    }
    let now = super::ticket::server_now(connection).await?;
    let mut facts = Facts::new();
    facts.add("agent", &agent.agent_id).add("name", &agent.name);
    facts.add("pools", agent.pools.join(", "));
    facts.add("skills", wish::words(&agent.skills));
    let (used, capacity) = (agent.used_units, humane::count(u64::from(agent.capacity), "unit"));
    facts.add("capacity", format!("{used} of {capacity} in use"));
    for most in &agent.maxima {
        facts.add("at most", format!("{} {}", most.max, words::channel(most.channel)));
    }
    if let Some(stream) = &agent.stream {
        facts.add("stream", format!("open {}", stream.session_id).trim_end());
    }
    facts.add("presence", words::presence(agent.presence));
    let idle = view::instant(agent.idle_since).map_or_else(String::new, |since| {
        format!(" for {}", humane::duration(humane::between_ms(since, now)))
    });
    facts.add("state", words::agent_state(agent.state) + &idle);
    for held in agent.held {
        let since = view::instant(held.assigned_at).map_or_else(String::new, |at| {
            format!(", for {}", humane::duration(humane::between_ms(at, now)))
        });
        let what = if held.offered { "offer" } else { "lease" };
        let until = view::instant(held.lease_until).map_or_else(String::new, |at| {
            format!(", {what} {}", humane::slack(humane::between_ms(now, at)))
        });
        facts.add(
            if held.offered { "offered" } else { "holds" },
            format!("{}{since}{until}", held.ticket_id),
        );
    }
    for wrap in agent.wrap_ups {
        let left = view::instant(wrap.until).map_or_else(String::new, |at| {
            format!(", {} left", humane::duration(humane::between_ms(now, at)))
        });
        facts.add("writes up", format!("{}{left}", wrap.ticket_id));
    }
    for declined in agent.declined {
        let again = view::instant(declined.until).map_or_else(String::new, |at| {
            format!(", not offered for {}", humane::duration(humane::between_ms(now, at)))
        });
        facts.add("declined", format!("{} {} x{again}", declined.ticket_id, declined.count));
    }
    console::say(facts)
}
