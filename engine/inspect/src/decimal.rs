//! Exact decimals: an integer and what it is divided by.

use std::fmt;

/// An integer and what to divide it by, kept apart so that nothing is rounded.
///
/// It is written exactly where the scale is a power of ten, as the nearest double elsewhere:
///
/// ```
/// # use wirebook_inspect::Decimal;
/// assert_eq!(Decimal { mantissa: 873_900, scale: 10_000 }.to_string(), "87.39");
/// assert_eq!(Decimal { mantissa: -50_000, scale: 10_000 }.to_string(), "-5.0");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// The integer as it stands on the wire.
    pub mantissa: i128,
    /// Units of the integer to one; at least 1.
    pub scale: u64,
}

impl Decimal {
    /// Reads decimal text such as `87.39`, `-5` or `1e-4`; `None` for anything else or what an `i128` cannot hold.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, digits) = match number.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, number),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty()
            || !(whole.bytes().chain(fraction.bytes())).all(|b| b.is_ascii_digit())
        {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let magnitude = format!("0{whole}{fraction}").parse::<i128>().ok()?;
        let mantissa = if negative { -magnitude } else { magnitude };
        let places = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        if places <= 0 {
            let factor = 10_i128.checked_pow(places.unsigned_abs())?;
            return Some(Self { mantissa: mantissa.checked_mul(factor)?, scale: 1 });
        }
        Some(Self { mantissa, scale: 10_u64.checked_pow(places.unsigned_abs())? })
    }

    /// The integer under another scale; `None` where it would not be whole.
    pub fn mantissa_at(self, scale: u64) -> Option<i128> {
        let product = self.mantissa.checked_mul(i128::from(scale))?;
        let divisor = i128::from(self.scale.max(1));
        (product % divisor == 0).then_some(product / divisor)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(places) = power_of_ten(self.scale) else {
            return write!(f, "{:?}", self.mantissa as f64 / self.scale.max(1) as f64);
        };
        let magnitude = self.mantissa.unsigned_abs();
        let (whole, fraction) = (magnitude / u128::from(self.scale), magnitude % u128::from(self.scale));
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let fraction = format!("{fraction:0places$}");
        let fraction = match fraction.trim_end_matches('0') {
            "" => "0",
            digits => digits,
        };
        f.pad(&format!("{sign}{whole}.{fraction}"))
    }
}

/// The exponent of a power of ten; `None` for other numbers.
fn power_of_ten(scale: u64) -> Option<usize> {
    let places = scale.checked_ilog10()?;
    (10_u64.pow(places) == scale).then_some(places as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(mantissa: i128, scale: u64) -> String {
        Decimal { mantissa, scale }.to_string()
    }

    #[test]
    fn every_digit_is_kept() {
        assert_eq!(shown(873_900, 10_000), "87.39");
        assert_eq!(shown(1, 1_000_000_000), "0.000000001");
        assert_eq!(shown(-7, 100), "-0.07");
        assert_eq!(shown(0, 10_000), "0.0");
        assert_eq!(shown(i128::from(u64::MAX), 100_000_000), "184467440737.09551615");
        assert_eq!(shown(3, 4), "0.75");
    }

    #[test]
    fn text_reads_back() {
        assert_eq!(Decimal::parse("87.39"), Some(Decimal { mantissa: 8_739, scale: 100 }));
        assert_eq!(Decimal::parse("-5"), Some(Decimal { mantissa: -5, scale: 1 }));
        assert_eq!(Decimal::parse("5.500"), Some(Decimal { mantissa: 55, scale: 10 }));
        assert_eq!(Decimal::parse("1e-4"), Some(Decimal { mantissa: 1, scale: 10_000 }));
        assert_eq!(Decimal::parse("2.5e3"), Some(Decimal { mantissa: 2_500, scale: 1 }));
        for text in ["", ".", "-", "1.2.3", "abc", "1e", "1e99", "--1", "+-1", "1 "] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_whole_integers_fit_a_scale() {
        let price = Decimal { mantissa: 8_739, scale: 100 };
        assert_eq!(price.mantissa_at(10_000), Some(873_900));
        assert_eq!(price.mantissa_at(10), None);
    }
}
