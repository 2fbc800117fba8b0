//! The classes, and what divides them.

use crate::engine::decimal::Decimal;

/// Most classes.
pub(super) const CLASSES_MAX: usize = 16;
/// Longest name of a class, in characters; a tier's limit.
const NAME_CHARS_MAX: usize = 64;
/// All of the customers, in thousandths of a per cent.
pub(super) const WHOLE: u64 = 100_000;
/// The widest band, in thousandths of a per cent: above it the bands of neighbours could swallow a class.
const HYSTERESIS_MAX: u64 = 50_000;

/// A scheme that cannot be meant. The message names the value and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} {problem}")]
pub struct Invalid {
    /// What was given.
    pub value: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

fn invalid<T>(value: &str, problem: &'static str) -> Result<T, Invalid> {
    Err(Invalid { value: value.to_owned(), problem })
}

/// What divides the classes; one entry for each but the last, which takes the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The share of the customers in this class and those above it, in thousandths of a per cent.
    Shares(Vec<u64>),
    /// The least margin of the class.
    Thresholds(Vec<Decimal>),
}

/// The classes from the best to the last, and how customers are divided among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme {
    pub(super) names: Vec<String>,
    pub(super) cut: Cut,
    /// The band at a boundary, in thousandths of a per cent of its margin.
    pub(super) hysteresis: u64,
}

impl Scheme {
    /// Reads classes with their shares of the customers in per cent, the best first: `A=20,B=30,C=50`.
    ///
    /// # Errors
    /// When it is not 1 to 16 different names with a share each, or the shares do not add up to 100.
    pub fn shares(text: &str) -> Result<Self, Invalid> {
        let mut names = vec![];
        let mut sums = vec![];
        let mut sum = 0;
        for part in text.split(',') {
            let Some((name, share)) = part.split_once('=') else {
                return invalid(part, "is not a class with its share, like gold=20");
            };
            let share = Decimal::parse(share).map_or(-1, Decimal::thousandths);
            match u64::try_from(share) {
                Ok(share) if share <= WHOLE => sum += share,
                _ => return invalid(part, "has a share that is not between 0 and 100 per cent"),
            }
            name_class(&mut names, name)?;
            sums.push(sum);
        }
        if sum != WHOLE {
            return invalid(text, "has shares that do not add up to 100 per cent");
        }
        sums.pop();
        Ok(Self { names, cut: Cut::Shares(sums), hysteresis: 0 })
    }

    /// Reads classes with the margin at which they begin, the best first; the last has none and takes the
    /// rest: `A=10000,B=1000,C`.
    ///
    /// # Errors
    /// When it is not 1 to 16 different names, the last without a margin, or the margins do not fall.
    pub fn thresholds(text: &str) -> Result<Self, Invalid> {
        let mut names = vec![];
        let mut margins: Vec<Decimal> = vec![];
        let (above, last) = text.rsplit_once(',').unwrap_or(("", text));
        for part in above.split(',').filter(|_| !above.is_empty()) {
            let Some((name, margin)) = part.split_once('=') else {
                return invalid(part, "is not a class with its least margin, like gold=10000");
            };
            let Some(margin) = Decimal::parse(margin) else {
                return invalid(part, "has a margin that is not a number with at most 3 places");
            };
            if margins.last().is_some_and(|above| *above <= margin) {
                return invalid(part, "does not begin below the class before it");
            }
            name_class(&mut names, name)?;
            margins.push(margin);
        }
        if last.contains('=') {
            return invalid(last, "is the last class and takes the rest: give it no margin");
        }
        name_class(&mut names, last)?;
        Ok(Self { names, cut: Cut::Thresholds(margins), hysteresis: 0 })
    }

    /// The same with a band at each boundary, in per cent of its margin: `5%` or `5`.
    ///
    /// # Errors
    /// When it is not between 0 and 50 per cent.
    pub fn with_hysteresis(mut self, text: &str) -> Result<Self, Invalid> {
        let number = text.trim().trim_end_matches('%').trim_end();
        let band = Decimal::parse(number).and_then(|band| u64::try_from(band.thousandths()).ok());
        match band.filter(|band| *band <= HYSTERESIS_MAX) {
            Some(band) => self.hysteresis = band,
            None => return invalid(text, "is not between 0% and 50%"),
        }
        Ok(self)
    }

    /// The names of the classes, the best first.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

fn name_class(names: &mut Vec<String>, name: &str) -> Result<(), Invalid> {
    let name = name.trim();
    let length = name.chars().take(NAME_CHARS_MAX + 1).count();
    if !(1..=NAME_CHARS_MAX).contains(&length) || name.chars().any(char::is_control) {
        return invalid(name, "is not a name of 1 to 64 characters without control characters");
    }
    if names.iter().any(|other| other == name) {
        return invalid(name, "is there twice");
    }
    if names.len() == CLASSES_MAX {
        return invalid(name, "is the 17th class, at most 16 are allowed");
    }
    names.push(name.to_owned());
    Ok(())
}
