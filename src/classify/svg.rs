//! The Pareto curve as a picture in SVG.

use super::curve::{Curve, Share};
use super::outcome::Outcome;
use std::fmt::Write as _;

/// The picture, in pixels.
const PICTURE: (i128, i128) = (720, 480);
/// The upper left corner of the field between the axes, and its size.
const FIELD: (i128, i128) = (80, 40);
const SIZE: (i128, i128) = (600, 360);
/// Steps of each axis.
const STEPS: i128 = 5;

/// The curve with labelled axes and the end of each class, for classes of these names, the best first.
pub fn svg(outcome: &Outcome, names: &[String]) -> String {
    let (width, height) = PICTURE;
    let (left, above) = FIELD;
    let (right, below) = (left + SIZE.0, above + SIZE.1);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>What the customers bring</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <path d=\"M{left} {above}V{below}H{right}\" fill=\"none\" stroke=\"#222\"/>\n"
    );
    let label = |x: i128, y: i128, anchor: &str, words: &str| {
        format!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>\n", escaped(words))
    };
    let middle = i128::midpoint(left, right);
    text += &label(middle, below + 45, "middle", "Customers, the largest margin first");
    let Some(shares) = outcome.curve.shares() else {
        let words = "No curve: the margins add up to nothing or less";
        return text + &label(middle, i128::midpoint(above, below), "middle", words) + "</svg>\n";
    };
    let top = Curve::top(&shares);
    text += &label(left - 60, above - 20, "start", "Share of the whole");
    for step in 0..=STEPS {
        let (x, y) = (left + SIZE.0 * step / STEPS, below - SIZE.1 * step / STEPS);
        text += &label(x, below + 20, "middle", &format!("{} %", 100 * step / STEPS));
        text += &label(left - 8, y + 4, "end", &format!("{} %", top * step / STEPS / 10));
        let _ = writeln!(text, "<path d=\"M{left} {y}H{right}\" stroke=\"#ddd\"/>");
    }
    let count = i128::from(outcome.curve.whole().customer_count);
    let mut class_left = left;
    let ends = outcome.boundaries.iter().map(|boundary| i128::from(boundary.customer_count));
    for (name, end) in names.iter().zip(ends.chain([count])) {
        let x = left + SIZE.0 * end / count;
        if end < count {
            let _ = writeln!(
                text,
                "<path d=\"M{x} {above}V{below}\" stroke=\"#888\" stroke-dasharray=\"4 4\"/>"
            );
        }
        text += &label(i128::midpoint(class_left, x), above - 4, "middle", name);
        class_left = x;
    }
    let mut line = |name: &str, colour: &str, y: i128, value: fn(&Share) -> i128| {
        let points: Vec<String> = shares
            .iter()
            .map(|share| {
                let x = tenths(left * 10 + SIZE.0 * share.customers / 100);
                format!("{x},{}", tenths(below * 10 - SIZE.1 * 10 * value(share) / top))
            })
            .collect();
        let _ = writeln!(
            text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
             <path d=\"M{} {y}h24\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" "),
            right - 110
        );
        text += &label(right - 80, y + 4, "start", name);
    };
    line("revenue", "#d98c00", below - 45, |share| share.revenue);
    line("margin", "#0a58a8", below - 25, |share| share.margin);
    text + "</svg>\n"
}

fn tenths(number: i128) -> String {
    format!("{}.{}", number / 10, number % 10)
}

/// The text as XML takes it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
