//! Numerical inversion of a Laplace transform, and the complex numbers it needs.

use std::f64::consts::PI;
use std::ops::{Add, Div, Mul, Sub};

/// The value at `t > 0` of the function with this Laplace transform.
///
/// The transform must be real on the real axis and analytic except on its negative half, which holds for the waits of
/// this module: they are mixtures of decaying exponentials. The error is near 1e-13 times the function's size at zero.
///
/// Source: the cotangent contour of Talbot (1979) with the constants of Trefethen, Weideman and Schmelzer (2006),
/// whose error falls as `3.89^-N`.
pub(super) fn invert(t: f64, transform: impl Fn(Complex) -> Complex) -> f64 {
    // 3.89^-24 is 7e-15; with more nodes rounding would cost more than they bring.
    const NODES: u32 = 24;
    let nodes = f64::from(NODES);
    // The contour is symmetric, so its upper half is enough.
    let sum: f64 = (0..NODES / 2)
        .map(|index| {
            let angle = (2.0 * f64::from(index) + 1.0) * PI / nodes;
            let (sine, cosine) = (0.6407 * angle).sin_cos();
            let cotangent = cosine / sine;
            let point = Complex::new(0.5017 * angle * cotangent - 0.6122, 0.2645 * angle) * nodes;
            let tangent =
                Complex::new(0.5017 * (cotangent - 0.6407 * angle / (sine * sine)), 0.2645);
            (point.exp() * transform(point * (1.0 / t)) * tangent).im
        })
        .sum();
    2.0 / t * sum
}

/// A complex number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    pub(super) fn new(re: f64, im: f64) -> Self {
        Self { re, im }
    }

    pub(super) fn abs(self) -> f64 {
        self.re.hypot(self.im)
    }

    fn exp(self) -> Self {
        let (sine, cosine) = self.im.sin_cos();
        Self::new(cosine, sine) * self.re.exp()
    }

    /// The square root with a real part of zero or more; the cut is the negative real axis.
    pub(super) fn sqrt(self) -> Self {
        let size = self.abs();
        if size == 0.0 {
            return Self::new(0.0, 0.0);
        }
        // The larger part is a sum of two positive numbers; the other follows from it, so neither loses digits.
        let larger = (0.5 * (size + self.re.abs())).sqrt();
        let smaller = 0.5 * self.im.abs() / larger;
        let (re, im) = if self.re >= 0.0 { (larger, smaller) } else { (smaller, larger) };
        Self::new(re, im.copysign(self.im))
    }
}

impl Add for Complex {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.re + other.re, self.im + other.im)
    }
}

impl Add<f64> for Complex {
    type Output = Self;
    fn add(self, other: f64) -> Self {
        Self::new(self.re + other, self.im)
    }
}

impl Sub for Complex {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.re - other.re, self.im - other.im)
    }
}

impl Mul for Complex {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::new(self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re)
    }
}

impl Mul<f64> for Complex {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self::new(self.re * factor, self.im * factor)
    }
}

impl Div for Complex {
    type Output = Self;
    /// Smith's method (1962): no square of a size, so nothing overflows on the way.
    fn div(self, other: Self) -> Self {
        if other.re.abs() >= other.im.abs() {
            let ratio = other.im / other.re;
            let size = other.re + other.im * ratio;
            Self::new((self.re + self.im * ratio) / size, (self.im - self.re * ratio) / size)
        } else {
            let ratio = other.re / other.im;
            let size = other.re * ratio + other.im;
            Self::new((self.re * ratio + self.im) / size, (self.im * ratio - self.re) / size)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Complex = Complex { re: 1.0, im: 0.0 };

    #[test]
    fn known_transforms_come_back() {
        for t in [1e-6, 0.1, 1.0, 7.0, 30.0, 1e4] {
            let exponential = invert(t, |s| ONE / (s + 1.0));
            assert!((exponential - (-t).exp()).abs() < 1e-12, "{t}: {exponential}");
            let ramp = invert(t, |s| ONE / (s * s));
            assert!((ramp / t - 1.0).abs() < 1e-11, "{t}: {ramp}");
            // A branch point: 1/sqrt(s) belongs to 1/sqrt(pi t).
            let root = invert(t, |s| ONE / s.sqrt());
            assert!((root * (PI * t).sqrt() - 1.0).abs() < 1e-12, "{t}: {root}");
        }
    }

    #[test]
    fn complex_arithmetic_undoes_itself() {
        for (re, im) in [(3.0, -4.0), (-3.0, 1e-9), (-5.0, 2.0), (0.0, 1.0), (-2.0, -7.0)] {
            let z = Complex::new(re, im);
            let root = z.sqrt();
            assert!(root.re >= 0.0);
            assert!((root * root - z).abs() < 1e-14 * z.abs());
            let w = Complex::new(im + 0.5, re);
            assert!((z / w * w - z).abs() < 1e-14 * z.abs());
        }
    }
}
