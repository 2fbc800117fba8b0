//! What a classification found, for people and for programs.

use super::super::humane;
use super::super::table::{Table, printable};
use super::file::{LineFault, Reading};
use super::store::Stored;
use crate::classify::{Move, Outcome, Scheme, plot};
use serde::Serialize;
use std::fmt::Write as _;

/// The report; its fields are listed in the help of the command.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    file: String,
    customer_count: u64,
    without_cost_count: u64,
    fault_count: u64,
    faults: &'a [LineFault],
    classes: Vec<Row<'a>>,
    boundaries: Vec<Boundary<'a>>,
    moves: Vec<Moved<'a>>,
    mover_count: u64,
    movers: Vec<Mover<'a>>,
    curve: Vec<Point>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stored: Option<Stored>,
    #[serde(skip)]
    is_dry: bool,
    #[serde(skip)]
    has_band: bool,
}

#[derive(Serialize)]
struct Row<'a> {
    class: &'a str,
    before_count: u64,
    customer_count: u64,
    customer_percent: String,
    revenue: String,
    revenue_percent: String,
    margin: String,
    margin_percent: String,
    margin_min: Option<String>,
}

#[derive(Serialize)]
struct Boundary<'a> {
    above: &'a str,
    below: &'a str,
    margin: Option<String>,
    band: String,
}

#[derive(Serialize)]
struct Moved<'a> {
    from: Option<&'a str>,
    to: &'a str,
    customer_count: u64,
}

#[derive(Serialize)]
struct Mover<'a> {
    customer_id: &'a str,
    from: Option<&'a str>,
    to: &'a str,
    margin: String,
}

#[derive(Serialize)]
struct Point {
    customer_count: u64,
    revenue: String,
    margin: String,
}

impl<'a> Report<'a> {
    pub(super) fn of(
        asked: &super::Classify,
        scheme: &'a Scheme,
        reading: &'a Reading,
        outcome: &Outcome,
        stored: Option<Stored>,
    ) -> Self {
        let names = scheme.names();
        let whole = outcome.whole();
        let book = &reading.book;
        let from = |tier: Option<usize>| tier.map(|tier| book.tier_name(tier));
        let classes = names.iter().zip(&outcome.totals).map(|(class, total)| Row {
            class,
            before_count: total.before_count,
            customer_count: total.customer_count,
            customer_percent: percent(total.customer_count.into(), whole.customer_count.into()),
            revenue: amount(total.revenue),
            revenue_percent: percent(total.revenue, whole.revenue),
            margin: amount(total.margin),
            margin_percent: percent(total.margin, whole.margin),
            margin_min: total.margin_min.map(|margin| amount(margin.into())),
        });
        let boundaries = outcome.boundaries.iter().zip(names.windows(2)).map(|(boundary, pair)| {
            let margin = boundary.margin.map(|margin| amount(margin.into()));
            let band = amount(boundary.band.into());
            Boundary { above: &pair[0], below: &pair[1], margin, band }
        });
        let pairs = outcome.moves.iter().map(|((tier, to), count)| Moved {
            from: from(*tier),
            to: &names[*to],
            customer_count: *count,
        });
        let listed = usize::try_from(asked.movers).unwrap_or(usize::MAX);
        let movers =
            outcome.movers(book).take(listed).map(|Move { at, from: tier, to, margin }| {
                let margin = amount(margin.into());
                Mover { customer_id: book.id(at), from: from(tier), to: &names[to], margin }
            });
        let curve = outcome.curve.points().iter().map(|point| Point {
            customer_count: point.customer_count,
            revenue: amount(point.revenue),
            margin: amount(point.margin),
        });
        Self {
            file: asked.file.display().to_string(),
            customer_count: whole.customer_count,
            without_cost_count: reading.without_cost_count,
            fault_count: reading.fault_count,
            faults: &reading.faults,
            classes: classes.collect(),
            boundaries: boundaries.collect(),
            moves: pairs.collect(),
            mover_count: outcome.moves.values().sum(),
            movers: movers.collect(),
            curve: curve.collect(),
            stored,
            is_dry: asked.out.is_none() && !asked.apply,
            has_band: outcome.boundaries.iter().any(|boundary| boundary.band > 0),
        }
    }

    /// The report for people.
    pub(super) fn text(&self, outcome: &Outcome) -> String {
        let customers = humane::count(self.customer_count, "customer");
        let mut text = format!("{}: {customers} classified\n\n", printable(&self.file));
        let mut table = Table::new().left("class").right("before").right("now").right("%");
        table = table.right("revenue").right("%").right("margin").right("%").right("from");
        for class in &self.classes {
            table.row([
                class.class.into(),
                class.before_count.to_string().into(),
                class.customer_count.to_string().into(),
                (&class.customer_percent).into(),
                rounded(&class.revenue).into(),
                (&class.revenue_percent).into(),
                rounded(&class.margin).into(),
                (&class.margin_percent).into(),
                class.margin_min.as_deref().map(rounded).unwrap_or_default().into(),
            ]);
        }
        let _ = writeln!(text, "{table}\n{}", plot(outcome));
        if self.has_band {
            for Boundary { above, below, margin, band } in &self.boundaries {
                let margin = margin.as_deref().unwrap_or("nobody");
                let _ = writeln!(text, "{above}/{below} at {margin}, changed beyond {band}");
            }
            text.push('\n');
        }
        if self.moves.is_empty() {
            text += "nobody moves\n";
        } else {
            let mut table = Table::new().left("from").left("to").right("customers");
            for Moved { from, to, customer_count } in &self.moves {
                let from = from.unwrap_or("-");
                table.row([from.into(), to.into(), customer_count.to_string().into()]);
            }
            let mut movers = Table::new().left("customer").left("from").left("to").right("margin");
            for Mover { customer_id, from, to, margin } in &self.movers {
                let from = from.unwrap_or("-");
                movers.row([customer_id.into(), from.into(), to.into(), margin.into()]);
            }
            let _ = write!(text, "{table}\n{movers}");
            let listed = self.movers.len() as u64;
            if self.mover_count > listed {
                let _ = writeln!(text, "and {} more", self.mover_count - listed);
            }
        }
        match self.stored {
            Some(stored) => text += &stored.told(),
            None if self.is_dry && self.mover_count > 0 => {
                text +=
                    "nothing is changed: write the classes with --out, store them with --apply\n";
            }
            None => {}
        }
        text
    }
}

/// So many thousandths as the shortest number.
fn amount(thousandths: i128) -> String {
    let sign = if thousandths < 0 { "-" } else { "" };
    let size = thousandths.unsigned_abs();
    let places = format!(".{:03}", size % 1000);
    format!("{sign}{}{}", size / 1000, places.trim_end_matches('0').trim_end_matches('.'))
}

/// The number without what is after its point.
fn rounded(amount: &str) -> &str {
    amount.split('.').next().unwrap_or(amount)
}

/// A share in per cent with a tenth, `-` of nothing or less.
fn percent(part: i128, whole: i128) -> String {
    if whole <= 0 {
        return "-".to_owned();
    }
    let tenths = part * 1000 / whole;
    let sign = if tenths < 0 { "-" } else { "" };
    let size = tenths.unsigned_abs();
    format!("{sign}{}.{}", size / 10, size % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_told_without_idle_zeros() {
        assert_eq!(amount(48_200_000), "48200");
        assert_eq!(amount(-1_250), "-1.25");
        assert_eq!(amount(-5), "-0.005");
        assert_eq!(rounded(&amount(12_999)), "12");
    }

    #[test]
    fn a_class_may_bring_more_than_all_together_or_less_than_nothing() {
        assert_eq!(percent(1500, 1000), "150.0");
        assert_eq!(percent(-1, 16), "-6.2");
        assert_eq!(percent(5, 0), "-");
    }
}
