//! The script language of the engine's tests: one line an action, and below it what it led to.
//!
//! ```text
//! policy guarded-edf v1; tier gold 15s desk; tier standard 180s desk; pool desk keep 1 gold
//! agent ann desk
//! 0s       submit t1 standard voice
//! 5s       submit t2 gold voice
//! 6s       pull ann -> t2 #1 at-risk
//! 180.001s * t1 late for response
//! ```
//!
//! Time moves to the instant at the head of a line, or stands still; whatever falls due on the way
//! happens at its own instant. `->` is the answer (nothing stands for a plain yes) and lines with `*`
//! are the events that nobody asked for by name. [`check`] plays the actions, writes down what
//! happened in the same words and compares the two; so a script that forgets an event fails too.
//! After every action the engine is audited; at the end it is compared with what comes out of its events and its image
//! once the journal has written and read them.

mod contacts;
mod life;
mod offers;
mod outlook;
mod standing;
mod supervise;
mod telling;
mod timing;
mod why;
mod wishes;

use crate::engine::capacity::ChannelSet;
use crate::engine::care::Care;
use crate::engine::coding::{Found, StaleTier};
use crate::engine::command::{
    AgentProfile, Answer, Command, Earlier, Event, Lookup, ReleaseReason, Submit,
};
use crate::engine::life::{PARK_MS_DEFAULT, RequeueLimit};
use crate::engine::model::{
    AgentChoice, AgentId, Caller, Channel, Content, IdentifierKind, LeaseToken, Overflow, Policy,
    Pool, PoolIx, PoolSet, Presence, Report, Rule, TicketId, TicketNumber, Tier, TierIx, Time,
};
use crate::engine::needs::SkillSet;
use crate::engine::offered::Offering;
use crate::engine::{Audit, Engine, Limits};
use crate::journal::frame::Builder;
use crate::journal::{Link, snapshot};
use std::fmt::Write as _;
use std::sync::Arc;
use telling::{answer, explained, id_of, pool_names, queue_name, seen, tier_name, told_unasked};

/// Plays the script and fails unless everything in it happens, and nothing else.
pub(super) fn check(script: &str) {
    let (stage, written) = play(script);
    let happened = stage.happened;
    assert!(happened == written, "\n--- written\n{written}\n--- happened\n{happened}");
}

/// The engine after the actions of a script, whatever they led to.
pub(super) fn played(script: &str) -> Engine {
    play(script).0.engine
}

/// Plays the script; answers with the stage, and with the script in the same spelling.
fn play(script: &str) -> (Stage, String) {
    let mut stage = Stage::default();
    let mut written = String::new();
    let mut at = Time(0);
    for line in lines(script) {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        if let Some(instant) = duration_ms(words[0]) {
            at = Time(instant);
            words.remove(0);
        }
        writeln!(written, "{} {}", moment(at), words.join(" ")).expect("a string takes it");
        if words[0] == "*" {
            continue;
        }
        let asked = words.split(|word| *word == "->").next().expect("split gives one at least");
        stage.perform(at, asked);
    }
    stage.pass_time(at);
    stage.replay();
    (stage, written)
}

/// The lines that say something; one that ends in `;` goes on in the next.
fn lines(script: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match lines.last_mut() {
            Some(last) if last.ends_with(';') => {
                last.push(' ');
                last.push_str(line);
            }
            Some(_) | None => lines.push(line.to_owned()),
        }
    }
    lines
}

#[derive(Default)]
struct Stage {
    engine: Engine,
    now: Time,
    journal: Vec<(Time, Event)>,
    happened: String,
}

impl Stage {
    fn perform(&mut self, at: Time, asked: &[&str]) {
        if asked[0] != "wake" {
            self.pass_time(at);
        }
        assert!(at >= self.now, "the script goes back in time to {}", moment(at));
        self.now = at;
        let mut line = format!("{} {}", moment(at), asked.join(" "));
        let mut unasked = Vec::new();
        let recorded_count = self.journal.len();
        let mut foretold = match asked {
            ["pull", agent, ..] => why::Foretold::of(agent, at, &self.engine),
            _ => None,
        };
        if let Some(seen) = self.look(asked) {
            line.push_str(" -> ");
            line.push_str(if seen.is_empty() { "none" } else { &seen });
        } else {
            match self.engine.decide(at, command(asked, &self.engine)) {
                Ok(decision) => {
                    if matches!(decision.answer, Answer::Holds { repeated: true, .. }) {
                        foretold = None;
                    }
                    for event in decision.events {
                        unasked.extend(told_unasked(&event, &self.engine));
                        self.happen(event);
                    }
                    line.push_str(&answer(&decision.answer, &self.engine));
                }
                Err(rejection) => {
                    write!(line, " -> {rejection:?}").expect("a string takes it");
                }
            }
        }
        self.happened.push_str(&line);
        self.happened.push('\n');
        for told in unasked {
            self.tell(&told);
        }
        self.settle();
        self.audit_in_steps();
        if let Some(foretold) = foretold {
            foretold.check(self.journal[recorded_count..].iter().map(|(_, event)| event));
        }
    }

    /// Actions that change nothing the engine decides.
    fn look(&mut self, asked: &[&str]) -> Option<String> {
        let engine = &self.engine;
        Some(match asked {
            ["see", id] => match engine.ticket(&TicketId::new(*id)) {
                Some(ticket) => seen(ticket, engine),
                None => "gone".to_owned(),
            },
            ["place", id] => {
                let ticket = engine.ticket(&TicketId::new(*id)).expect("a live ticket");
                engine.ahead_of(ticket).to_string()
            }
            ["contact", id] => contacts::of_ticket(id, engine),
            ["repeats"] => contacts::repeats(self.now, engine),
            ["unconfirmed"] => {
                let all = engine.unconfirmed_after(TicketNumber(0));
                all.map(|ticket| ticket.id.to_string()).collect::<Vec<_>>().join(" ")
            }
            ["queues"] => {
                let filled = engine.queues().iter().filter(|(_, queue)| !queue.is_empty());
                let told = filled.map(|(key, queue)| {
                    let ids: Vec<_> = queue.iter().map(|n| id_of(n, engine)).collect();
                    let late = queue.late_count();
                    format!("{}: {} ({late} late)", queue_name(key, engine), ids.join(" "))
                });
                told.collect::<Vec<_>>().join("; ")
            }
            ["agent?", id] => {
                let agent = engine.roster().get(&AgentId::new(*id)).expect("a registered agent");
                let held: Vec<_> = agent.held.iter().map(|n| id_of(*n, engine)).collect();
                let held = if held.is_empty() { "nothing".to_owned() } else { held.join(" ") };
                let waits = if agent.wait.is_some() { ", waits" } else { "" };
                let pools = pool_names(agent.pools, engine);
                let idle = moment(agent.idle_since);
                let more = offers::agent(agent, engine);
                format!(
                    "{:?} in {pools}, holds {held}, idle since {idle}{waits}{more}",
                    agent.presence
                )
            }
            ["pool?", name] => {
                let pool = engine.policy().pool_named(name).expect("a pool of the policy");
                let record = engine.record(pool);
                let (count, mean) = (record.handled_count, record.handle_ms());
                let mut told = format!("{count} handled, {} each", moment(Time(mean)));
                if let Some(pause) = &record.paused {
                    let (since, by) = (moment(pause.since), &pause.by);
                    write!(told, ", paused since {since} by {by}: {}", pause.reason)
                        .expect("a string takes it");
                }
                for (tier, count) in &record.passed_by {
                    write!(told, ", {} passed by {count}", tier_name(*tier, engine))
                        .expect("a string takes it");
                }
                told
            }
            ["recorded"] => self.journal.len().to_string(),
            ["clocks", id] => {
                let ticket = engine.ticket(&TicketId::new(*id)).expect("a live ticket");
                timing::clocks(ticket, self.now, engine)
            }
            ["hours", name] => timing::told(name, self.now, engine),
            ["next"] => engine.next_deadline().map_or("never".to_owned(), moment),
            ["outlook", id] => outlook::outlook(id, self.now, engine),
            ["explain", id] => explained(id, self.now, engine),
            ["why", id, agent] => why::why(id, agent, self.now, engine),
            ["past", id] => why::past(id, engine),
            ["get?", agent] => why::gets(agent, self.now, engine),
            ["limit", tickets, agents] => {
                let number = |word: &str| word.parse().expect("a number");
                let limits = Limits { tickets_max: number(tickets), agents_max: number(agents) };
                self.engine.set_limits(limits);
                "set".to_owned()
            }
            ["back?", id] => life::came_back(id, engine),
            ["legs", id] => life::legs(id, self.now, engine),
            ["worked", id] => life::worked(id, engine),
            ["wake" | "pass"] => "woken".to_owned(),
            _ => return None,
        })
    }

    /// Lets everything happen that falls due before or at `until`, each at its own instant.
    fn pass_time(&mut self, until: Time) {
        while let Some(due) = self.engine.next_deadline().filter(|due| *due <= until) {
            self.now = due.max(self.now);
            self.settle();
        }
    }

    /// Matches and expires until nothing is left to do at this instant.
    fn settle(&mut self) {
        while let Some(event) = self.engine.route(self.now).or_else(|| self.engine.expire(self.now))
        {
            if let Some(told) = told_unasked(&event, &self.engine) {
                self.tell(&told);
            }
            // Nobody goes away unasked but one who has drained.
            if let Event::PresenceSet { agent, presence } = &event {
                self.tell(&format!("{agent} is {presence:?}"));
            }
            for told in offers::offered(&event, &self.engine) {
                self.tell(&told);
            }
            if let Event::Assigned { ticket, agent, token, step, .. } = &event {
                let ticket = id_of(*ticket, &self.engine);
                self.tell(&format!("{agent} gets {ticket} #{} {}", token.0, step.name()));
            }
            self.happen(event);
        }
    }

    fn tell(&mut self, told: &str) {
        writeln!(self.happened, "{} * {told}", moment(self.now)).expect("a string takes it");
    }

    fn happen(&mut self, event: Event) {
        self.engine.apply(self.now, &event);
        if let Err(wrong) = self.engine.audit() {
            panic!("{wrong} after {event:?} in\n{}", self.happened);
        }
        self.journal.push((self.now, event));
    }

    fn audit_in_steps(&self) {
        let mut audit = Audit::default();
        while !audit.is_over() {
            let faults = self.engine.audit_step(&mut audit, 64);
            assert!(faults.is_empty(), "{faults:?} in\n{}", self.happened);
        }
    }

    /// The same engine comes from its events, and from its image, as the journal keeps them.
    fn replay(&self) {
        let limits = self.engine.limits();
        let mut builder = Builder::default();
        self.journal.iter().for_each(|(at, event)| builder.push(*at, event));
        let mut link = Link::default();
        let mut again = Engine::new(limits);
        if !builder.is_empty() {
            let frame = builder.seal(link);
            link = frame.link();
            let kept = frame.events().expect("it was just written");
            assert_eq!(kept, self.journal, "the journal keeps events as they are");
            for (at, event) in &kept {
                again.apply(*at, event);
            }
        }
        assert_eq!(again, self.engine, "the same events give the same engine");
        let folder = tempfile::tempdir().expect("a folder for a snapshot");
        std::fs::create_dir(folder.path().join(snapshot::FOLDER)).expect("it is empty");
        let path = snapshot::write(folder.path(), link, &self.engine.image()).expect("it is small");
        let (_, image) = snapshot::read(&path).expect("it was just written");
        assert_eq!(image, self.engine.image(), "a snapshot keeps an image as it is");
        assert_eq!(Engine::from_image(image, limits), self.engine, "so does the same image");
    }
}

fn command(asked: &[&str], engine: &Engine) -> Command {
    match asked {
        ["policy", rest @ ..] => Command::ApplyPolicy { policy: Arc::new(policy(&rest.join(" "))) },
        ["start"] => Command::Start,
        ["agent", id, pools, rest @ ..] => {
            let said = |key: &str| rest.windows(2).find(|words| words[0] == key).map(|w| w[1]);
            let capacity = said("capacity").map_or(1, |word| word.parse().expect("a number"));
            let skills = said("can").map(|can| wishes::skills(can, engine.policy()));
            let skills = skills.unwrap_or_default();
            let pools = pools.split('+').map(|name| match name {
                "nowhere" => PoolIx(63),
                name => engine.policy().pool_named(name).expect("a pool of the policy"),
            });
            let pools = PoolSet::of(pools);
            let id = AgentId::new(*id);
            Command::PutAgent(AgentProfile {
                id,
                pools,
                skills,
                capacity,
                maxima: offers::maxima(rest),
                ..AgentProfile::default()
            })
        }
        ["delete", agent] => Command::DeleteAgent { agent: AgentId::new(*agent) },
        ["here", agent] => presence(agent, Presence::Available),
        ["away", agent] => presence(agent, Presence::Away),
        ["drain", agent] => presence(agent, Presence::Draining),
        ["stop", agent] => Command::StopWaiting { agent: AgentId::new(*agent) },
        ["pull", agent, rest @ ..] => {
            let request = rest.iter().find_map(|word| word.strip_prefix("as=")).map(Into::into);
            let until = rest.iter().find_map(|word| word.strip_prefix("until="));
            let until_ms = until.map_or(0, |until| duration_ms(until).expect("a duration"));
            Command::Pull { agent: AgentId::new(*agent), request, wait_until: Time(until_ms) }
        }
        ["submit", id, tier, channel, rest @ ..] => submit(id, tier, channel, rest),
        ["update", id, about] => {
            Command::Update { ticket: TicketId::new(*id), content: content(about) }
        }
        ["urgency", id, urgency] => Command::SetUrgency {
            ticket: TicketId::new(*id),
            urgency: timing::urgency(urgency).expect("an urgency"),
        },
        ["retier", id, tier, source @ ..] => {
            Command::Retier { ticket: TicketId::new(*id), lookup: lookup(tier, source) }
        }
        ["cancel", id, rest @ ..] => {
            let (ticket, earlier) = (TicketId::new(*id), earlier(rest, 0));
            Command::Cancel { ticket, reason: "hung up".into(), earlier }
        }
        ["extend", id, token, rest @ ..] => {
            let by_ms = rest.first().map(|by| duration_ms(by).expect("a duration"));
            Command::Extend { ticket: TicketId::new(*id), token: lease_token(token), by_ms }
        }
        ["complete", id, token, rest @ ..] => Command::Complete {
            ticket: TicketId::new(*id),
            token: lease_token(token),
            report: Report { outcome: "done".into(), ..Report::default() },
            earlier: earlier(rest, 0),
        },
        ["release", id, token, rest @ ..] => {
            let reason = match rest {
                ["undelivered"] => ReleaseReason::Undelivered,
                _ => ReleaseReason::ByAgent("lunch".into()),
            };
            Command::Release { ticket: TicketId::new(*id), token: lease_token(token), reason }
        }
        _ => life::command(asked)
            .or_else(|| offers::command(asked))
            .unwrap_or_else(|| supervise::command(asked)),
    }
}

fn presence(agent: &str, presence: Presence) -> Command {
    Command::SetPresence { agent: AgentId::new(agent), presence }
}

/// `found`, `stale 5m`, `unknown`, `unavailable`; nothing means that the caller named the tier. A
/// customer the directory tells is called `c1`.
fn lookup(tier: &str, source: &[&str]) -> Lookup {
    let known = standing::known(source);
    let found = || Box::new(Found { known: known.clone(), ..Found::plain(tier, "c1") });
    match source {
        ["found", ..] => Lookup::Found(found()),
        ["stale", age, ..] => {
            let age_ms = duration_ms(age).expect("a duration");
            Lookup::Stale { found: found(), age_ms }
        }
        ["unknown", ..] => Lookup::UnknownCustomer,
        ["unavailable", ..] => Lookup::Unavailable,
        _ => Lookup::Given { tier: tier.into() },
    }
}

/// Everything but what the history knows of the id makes the content.
fn submit(id: &str, tier: &str, channel: &str, rest: &[&str]) -> Command {
    let said = rest.split(|word| *word == "earlier").next().unwrap_or_default();
    let asked = format!("{tier} {channel} {}", said.join(" "));
    let fingerprint =
        asked.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte));
    let phone = Caller::new(IdentifierKind::Phone, "555");
    let about = rest.iter().find_map(|word| word.strip_prefix("about=")).unwrap_or_default();
    Command::Submit(Box::new(Submit {
        id: TicketId::new(id),
        fingerprint,
        channel: Channel::ALL.into_iter().find(|c| c.name() == channel).expect("a channel"),
        urgency: rest.iter().find_map(|word| timing::urgency(word)).unwrap_or_default(),
        caller: Some(Arc::new(phone)),
        content: content(about),
        lookup: lookup(tier, said),
        not_before: life::not_before(rest),
        earlier: earlier(rest, fingerprint),
        asked: wishes::asked(said),
        topic: rest.iter().find_map(|word| word.strip_prefix("topic=")).map(Into::into),
    }))
}

fn content(about: &str) -> Arc<Content> {
    Arc::new(Content { subject: about.into(), payload: Box::default(), attributes: Box::default() })
}

/// `earlier 7`: the history has the id as ticket 7 with the same content; `other` content; `by #3`: it
/// was completed with that token, otherwise cancelled.
fn earlier(rest: &[&str], fingerprint: u64) -> Option<Earlier> {
    let at = rest.iter().position(|word| *word == "earlier")?;
    let other = u64::from(rest.contains(&"other"));
    Some(Earlier {
        number: TicketNumber(rest[at + 1].parse().expect("a number")),
        fingerprint: fingerprint + other,
        has_expired: rest.contains(&"expired"),
        completed_with: rest.iter().find(|word| word.starts_with('#')).map(|t| lease_token(t)),
    })
}

fn lease_token(word: &str) -> LeaseToken {
    LeaseToken(word.strip_prefix('#').and_then(|n| n.parse().ok()).expect("a token such as #1"))
}

/// `RULE VERSION [starve N] [floor N]; tier NAME TARGET POOLS [solve T] [expire T] [park T] [returns N POOL]
/// [guard N] [weight N] [then AFTER POOLS [lower N] [drop SKILLS]].. [within HOURS] [URGENCY=N]..
/// [at SHARE STEP].. [offers CHANNEL+CHANNEL [others]]; pool NAME [lease T] [keep N TIER].. [choice C] [yields] [fills N] [offer T] [off FIRST MAX]
/// [misses N]; skills NAME..; channel NAME [cost N] [alone] [over NAME+NAME];
/// repeats [window T] [from N] [pool POOL]; hours NAME OFFSETS DAY=SPAN,SPAN..`, see `timing`; `standing NAME ..`, see
/// `standing`
#[expect(clippy::too_many_lines, reason = "one arm for each word")]
pub(super) fn policy(text: &str) -> Policy {
    let parts: Vec<Vec<&str>> =
        text.split(';').map(|part| part.split_whitespace().collect()).collect();
    let named = |kind: &str| -> Vec<&str> {
        parts.iter().filter(|part| part[0] == kind).map(|part| part[1]).collect()
    };
    let (tier_names, pool_names) = (named("tier"), named("pool"));
    let skill_names: Vec<&str> = parts
        .iter()
        .filter(|part| part[0] == "skills")
        .flat_map(|part| &part[1..])
        .copied()
        .collect();
    let at = |names: &[&str], name: &str| {
        let at = names.iter().position(|known| *known == name).expect("a name of the policy");
        u8::try_from(at).expect("few names")
    };
    let pools = |text: &str| PoolSet::of(text.split('+').map(|name| PoolIx(at(&pool_names, name))));
    let number = |words: &[&str], key: &str, otherwise: u32| {
        let at = words.iter().position(|word| *word == key);
        at.map_or(otherwise, |at| words[at + 1].parse().expect("a number"))
    };
    let duration = |words: &[&str], key: &str| {
        let at = words.iter().position(|word| *word == key)?;
        Some(duration_ms(words[at + 1]).expect("a duration"))
    };
    let at_pool = |name: &str| at(&pool_names, name);
    let tier = |words: &[&str]| Tier {
        name: words[1].into(),
        guard_permille: number(words, "guard", 250),
        weight_permille: number(words, "weight", 1000),
        head_start_ms: [duration(words, "start").unwrap_or(0); 6],
        respond_within_ms: [duration_ms(words[2]).expect("a duration"); 6],
        solve_within_ms: [duration(words, "solve"); 6],
        expires_after_ms: [duration(words, "expire"); 6],
        requeue_limit: words.iter().position(|word| *word == "returns").map(|at| RequeueLimit {
            requeues_max: words[at + 1].parse().expect("a number"),
            dead_letter: PoolIx(at_pool(words[at + 2])),
        }),
        park_max_ms: [duration(words, "park").unwrap_or(PARK_MS_DEFAULT); 6],
        timing: timing::of_tier(words, &named("hours"), pools),
        queue_max: [words.contains(&"most").then(|| number(words, "most", 0)); 6],
        pools: pools(words[3]),
        offering: Offering {
            channels: word_after(words, "offers").map_or(ChannelSet::ALL, |names| {
                let known = |name| Channel::ALL.into_iter().find(|channel| channel.name() == name);
                ChannelSet::of(names.split('+').map(|name| known(name).expect("a channel")))
            }),
            accepts_others: words.contains(&"others"),
        },
        offer_callback_above_ms: None,
        care: Care::default(),
        stale: word_after(words, "stale").map_or(StaleTier::Keep, |stale| {
            StaleTier::ALL.into_iter().find(|known| known.name() == stale).expect("a choice")
        }),
        overflow: words
            .split(|word| *word == "then")
            .skip(1)
            .map(|step| Overflow {
                after_ms: duration_ms(step[0]).expect("a duration"),
                pools: pools(step[1]),
                lower_levels: u8::try_from(number(step, "lower", 0)).expect("a small number"),
                drop_skills: word_after(step, "drop").map_or(SkillSet::EMPTY, |names| {
                    wishes::skill_set(names, |name| at(&skill_names, name))
                }),
            })
            .collect(),
    };
    let pool = |words: &[&str]| Pool {
        name: words[1].into(),
        lease_ms: duration(words, "lease").unwrap_or(900_000),
        offer: offers::rule(words),
        reserve: words
            .windows(3)
            .filter(|window| window[0] == "keep")
            .map(|window| {
                (TierIx(at(&tier_names, window[2])), window[1].parse().expect("a number"))
            })
            .collect(),
        choice: word_after(words, "choice").map_or(AgentChoice::LeastLoaded, |choice| {
            AgentChoice::ALL.into_iter().find(|known| known.name() == choice).expect("a choice")
        }),
        floor_over_reserve: words.contains(&"yields"),
        outbound_above: words.contains(&"fills").then(|| number(words, "fills", 0)),
    };
    let last_tier = TierIx(u8::try_from(tier_names.len() - 1).expect("few names"));
    Policy {
        version: parts[0][1].into(),
        rule: Rule::ALL.into_iter().find(|rule| rule.name() == parts[0][0]).expect("a rule"),
        starve_after_permille: number(&parts[0], "starve", 2000),
        floor_share_permille: number(&parts[0], "floor", 100),
        channels: offers::channels(&parts),
        tiers: parts.iter().filter(|part| part[0] == "tier").map(|part| tier(part)).collect(),
        pools: parts.iter().filter(|part| part[0] == "pool").map(|part| pool(part)).collect(),
        hours: parts
            .iter()
            .filter(|part| part[0] == "hours")
            .map(|part| timing::hours(part))
            .collect(),
        skills: skill_names.iter().map(|name| (*name).into()).collect(),
        unknown_tier: last_tier,
        unavailable_tier: TierIx(0),
        retier_later: parts[0].contains(&"later"),
        coding: standing::rules(&parts, pools),
        repeats: contacts::rules(&parts, at_pool),
        ..Policy::default()
    }
}

fn word_after<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().position(|word| *word == key).map(|at| words[at + 1])
}

/// `250ms`, `15s`, `15.001s`, `3m`, `2h`, `4d` in milliseconds.
fn duration_ms(word: &str) -> Option<i64> {
    let digits = word.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = word.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let thousandths: i64 = format!("{part:0<3}").parse().ok()?;
    Some(whole.parse::<i64>().ok()? * unit_ms + thousandths * unit_ms / 1000)
}

fn moment(at: Time) -> String {
    let sign = if at.0 < 0 { "-" } else { "" };
    match (at.0.abs() / 1000, at.0.abs() % 1000) {
        (seconds, 0) => format!("{sign}{seconds}s"),
        (seconds, rest) => format!("{sign}{seconds}.{rest:03}s"),
    }
}
