//! What a tier grants its customers and how they are to be treated, for agents to read. No rule reads it.

/// Most benefits of a tier.
pub const BENEFITS_MAX: usize = 16;
/// Longest benefit, in characters.
pub const BENEFIT_CHARS_MAX: usize = 100;
/// Longest text on how to treat a tier's customers, in characters.
pub const TREATMENT_CHARS_MAX: usize = 1000;
/// Most attributes of a customer that a card shows.
pub const CARD_ATTRIBUTES_MAX: usize = 16;

/// What agents are told of a tier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Care {
    /// What its customers are granted, a line each: `fees waived`. At most [`BENEFITS_MAX`].
    pub benefits: Box<[Box<str>]>,
    /// How they are to be treated. At most [`TREATMENT_CHARS_MAX`] characters; may be empty.
    pub treatment: Box<str>,
}
