//! The description as plain text: tables for what every tier and pool has, a line for what few have.

use super::{ChannelSummary, Description, EscalationStep, OverflowStep, PoolSummary, TierSummary};
use crate::engine::coding::StaleTier;
use crate::engine::life::PARK_MS_DEFAULT;
use crate::engine::model::Channel;
use crate::engine::timing::Urgency;
use crate::policy::starving::Starving;
use crate::settings::format_ms;
use std::fmt;

impl fmt::Display for ChannelSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = if self.cost == 1 { "unit" } else { "units" };
        write!(f, "{} costs {} {units}", self.channel, self.cost)?;
        if self.exclusive {
            write!(f, ", nothing else beside it")?;
        }
        if !self.interrupts.is_empty() {
            write!(f, ", interrupts {}", self.interrupts.join(", "))?;
        }
        if self.wrap_up_ms > 0 {
            write!(f, ", wrap-up {}", format_ms(self.wrap_up_ms))?;
        }
        Ok(())
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "policy {}, rule {}", self.version, self.rule)?;
        writeln!(
            f,
            "unknown customers: {}; while the directory is silent: {}",
            self.unknown, self.unavailable
        )?;
        if self.retier_later {
            writeln!(f, "a change to a lower tier may move deadlines later")?;
        }
        if !self.skills.is_empty() {
            writeln!(f, "skills: {}", self.skills.join(", "))?;
        }
        if self.floor_share > 0.0 {
            writeln!(
                f,
                "starving after {} x the response target; floor {} of a pool's dispatches",
                self.starve_after, self.floor_share
            )?;
        } else {
            writeln!(f, "no floor: lower tiers may starve")?;
        }
        let channels = Channel::ALL.map(Channel::name);
        let head = ["rank", "tier", "promise"].into_iter().chain(channels);
        let mut table = vec![head.chain(["guard", "weight", "pools"]).map(str::to_owned).collect()];
        for tier in &self.tiers {
            table.extend(tier.rows());
        }
        write_table(f, &table)?;
        for tier in &self.tiers {
            for line in tier.lines() {
                writeln!(f, "{}: {line}", tier.name)?;
            }
        }
        let head = [
            "pool",
            "lease",
            "offer",
            "again after",
            "away after",
            "reserve",
            "chooses",
            "serves",
            "starving head within",
        ];
        let mut table = vec![head.map(str::to_owned).to_vec()];
        table.extend(self.pools.iter().map(PoolSummary::row));
        write_table(f, &table)?;
        let mut table = vec![["tier", "pool", "a starving ticket"].map(str::to_owned).to_vec()];
        for tier in &self.tiers {
            let row =
                |bound: &Starving| vec![tier.name.clone(), bound.pool.clone(), bound.to_string()];
            table.extend(tier.starving.iter().map(row));
        }
        write_table(f, &table)?;
        for pool in &self.pools {
            if let Some(above) = pool.outbound_above {
                writeln!(
                    f,
                    "{}: outbound contacts fill idle time, while more than {above} agents are idle",
                    pool.name
                )?;
            }
        }
        if let Some(threshold) = self.repeats.threshold {
            let window = format_ms(self.repeats.window_ms);
            write!(f, "\nfrom {threshold} contacts about a topic within {window} on")?;
            match &self.repeats.pool {
                Some(pool) => writeln!(f, ", a ticket is for pool {pool} only")?,
                None => writeln!(f, ", a topic is listed as a fault of the process")?,
            }
        }
        for (at, channel) in self.channels.iter().enumerate() {
            if at == 0 {
                writeln!(f)?;
            }
            writeln!(f, "{channel}")?;
        }
        write!(f, "{}", self.coding)?;
        if !(self.standing_rules.is_empty() && self.standings.is_empty()) {
            writeln!(f)?;
        }
        for (at, rule) in self.standing_rules.iter().enumerate() {
            writeln!(f, "standing {}. {rule}", at + 1)?;
        }
        for standing in &self.standings {
            writeln!(f, "{standing}")?;
        }
        Ok(())
    }
}

impl TierSummary {
    /// A row for the response, and one for the solution if any is promised.
    fn rows(&self) -> Vec<Vec<String>> {
        let overflow = self
            .overflow
            .iter()
            .map(|step| format!(", {} after {}", step.added(), format_ms(step.after_ms)));
        let mut respond = vec![self.rank.to_string(), self.name.clone(), "respond".to_owned()];
        respond.extend(self.respond_within_ms.map(format_ms));
        respond.extend([
            self.guard.to_string(),
            self.weight.to_string(),
            self.pools.join(", ") + &overflow.collect::<String>(),
        ]);
        let mut rows = vec![respond];
        let mut more = |promise: &str, cells: [Option<String>; 6]| {
            if cells.iter().any(Option::is_some) {
                let head = [String::new(), String::new(), promise.to_owned()];
                let cells = cells.map(|cell| cell.unwrap_or_else(|| "-".to_owned()));
                rows.push(head.into_iter().chain(cells).collect());
            }
        };
        more("solve", self.solve_within_ms.map(|ms| ms.map(format_ms)));
        more("at most", self.queue_max.map(|max| max.map(|count| count.to_string())));
        more("ends after", self.expires_after_ms.map(|ms| ms.map(format_ms)));
        let park_max = (self.park_max_ms != [PARK_MS_DEFAULT; 6])
            .then_some(self.park_max_ms.map(|ms| Some(format_ms(ms))));
        more("parks for", park_max.unwrap_or_default());
        more("starts at", self.head_start_ms.map(|ms| (ms > 0).then(|| format_ms(ms))));
        more("hours", self.hours.clone());
        rows
    }

    /// What no column has room for.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.channels.len() < Channel::ALL.len() {
            let others = if self.not_offered == "accept" {
                "a ticket of another channel is taken all the same"
            } else {
                "a submit on another channel is refused"
            };
            lines.push(format!("offers {} only; {others}", self.channels.join(", ")));
        }
        if !self.benefits.is_empty() {
            lines.push(format!("benefits: {}", self.benefits.join(", ")));
        }
        if !self.treatment.is_empty() {
            lines.push(format!("treatment: {}", self.treatment));
        }
        if let Some(above_ms) = self.offer_callback_above_ms {
            let above = format_ms(above_ms);
            lines.push(format!("callers are offered a callback above an expected {above}"));
        }
        if self.stale != StaleTier::Keep.name() {
            lines.push(format!("while the directory is silent: {}", self.stale));
        }
        let urgencies = Urgency::ALL.into_iter().zip(self.urgency);
        let scaled = urgencies.filter(|(_, factor)| *factor.to_string() != *"1");
        let scaled: Vec<_> =
            scaled.map(|(urgency, factor)| format!("{} x {factor}", urgency.name())).collect();
        if !scaled.is_empty() {
            lines.push(format!("urgency scales both targets: {}", scaled.join(", ")));
        }
        lines.extend(self.escalation.iter().map(ToString::to_string));
        if let (Some(count), Some(pool)) = (self.requeues_max, &self.dead_letter) {
            lines.push(format!("what came back more than {count} times is for pool {pool} only"));
        }
        lines
    }
}

impl fmt::Display for EscalationStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} of the response target", self.at)?;
        if let Some(pool) = &self.hand_to {
            write!(f, ", handed to {pool}")?;
        }
        if !self.pools.is_empty() {
            write!(f, ", {} too", self.pools.join(" and "))?;
        }
        if let Some(guard) = self.guard {
            write!(f, ", guard {guard}")?;
        }
        if let Some(notify) = &self.notify {
            write!(f, ", tells {notify}")?;
        }
        Ok(())
    }
}

impl OverflowStep {
    /// What holds from this step on, in words.
    fn added(&self) -> String {
        let mut words = self.pools.clone();
        if self.lower_levels > 0 {
            words.push(format!("levels -{}", self.lower_levels));
        }
        words.extend(self.drop_skills.iter().map(|skill| format!("no matter {skill}")));
        words.join(", ")
    }
}

impl PoolSummary {
    fn row(&self) -> Vec<String> {
        let reserve = self.reserve.iter().map(|kept| format!("{} for {}", kept.agents, kept.tier));
        let or_dash = |text: String| {
            if text.is_empty() { "-".to_owned() } else { text }
        };
        vec![
            self.name.clone(),
            format_ms(self.lease_ms),
            match self.offer_to {
                1 => format_ms(self.offer_ms),
                count => format!("{} to {count} at once", format_ms(self.offer_ms)),
            },
            self.back_off_ms.map(format_ms).join(" to "),
            format!("{} missed", self.misses_max),
            or_dash(reserve.collect::<Vec<_>>().join(", ")),
            self.choice.to_owned(),
            or_dash(self.tiers.join(", ")),
            self.starving_head_taken_within
                .map_or_else(|| "no floor".to_owned(), |count| format!("{count} dispatches")),
        ]
    }
}

/// Columns as wide as their widest cell, two spaces apart, after an empty line.
fn write_table(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    writeln!(f)?;
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}
