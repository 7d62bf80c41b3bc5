//! The part of SOQL that a check of a load needs: count or fields of one
//! object, conditions joined by AND, LIMIT.

use std::cmp::Ordering;

use crate::problem::Refusal;

/// A query, not yet held against a schema.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) selected: Selected,
    pub(super) object: String,
    pub(super) conditions: Vec<Condition>,
    pub(super) limit: Option<usize>,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Selected {
    Count,
    Fields(Vec<String>),
}

/// `Field = 'x'` and its like.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) field: String,
    pub(super) comparison: Comparison,
    /// One, or those in brackets.
    pub(super) values: Vec<Value>,
}

/// What a field is compared with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    /// In quotes.
    Text(String),
    /// Without: a number, a boolean, a date.
    Literal(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// Equal to one of the values.
    In,
    /// Equal to none of them.
    NotIn,
    /// `%` stands for any text, `_` for one character.
    Like,
    /// Before or behind the value.
    Order(Order),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Order {
    /// Whether what lies so beside a value is meant.
    pub(super) fn means(self, beside: Ordering) -> bool {
        match self {
            Self::Less => beside.is_lt(),
            Self::AtMost => beside.is_le(),
            Self::Greater => beside.is_gt(),
            Self::AtLeast => beside.is_ge(),
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
    NotEqual,
    Order(Order),
}

pub(super) fn parse(text: &str) -> Result<Query, Refusal> {
    let mut parser = Parser { tokens: tokens(text)?.into_iter().peekable() };
    let query = parser.query()?;
    match parser.tokens.next() {
        None => Ok(query),
        Some(token) => Err(unexpected(Some(&token))),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            space if space.is_whitespace() => {}
            '\'' => tokens.push(Token::Text(quoted(&mut rest)?)),
            '!' if rest.next_if_eq(&'=').is_some() => tokens.push(Token::NotEqual),
            '<' if rest.next_if_eq(&'>').is_some() => tokens.push(Token::NotEqual),
            '<' | '>' => {
                let order = match (next, rest.next_if_eq(&'=').is_some()) {
                    ('<', false) => Order::Less,
                    ('<', true) => Order::AtMost,
                    (_, false) => Order::Greater,
                    (_, true) => Order::AtLeast,
                };
                tokens.push(Token::Order(order));
            }
            start if is_word(start) => {
                let mut word = String::from(start);
                while let Some(more) = rest.next_if(|next| is_word(*next)) {
                    word.push(more);
                }
                tokens.push(Token::Word(word));
            }
            sign => tokens.push(Token::Sign(sign)),
        }
    }
    Ok(tokens)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || "_.-:+".contains(character)
}

fn quoted(rest: &mut impl Iterator<Item = char>) -> Result<String, Refusal> {
    let mut text = String::new();
    loop {
        match rest.next() {
            Some('\'') => return Ok(text),
            Some('\\') => match rest.next() {
                Some('n' | 'N') => text.push('\n'),
                Some('r' | 'R') => text.push('\r'),
                Some('t' | 'T') => text.push('\t'),
                Some('b' | 'B') => text.push('\u{8}'),
                Some('f' | 'F') => text.push('\u{c}'),
                Some(other) => text.push(other),
                None => return Err(malformed("a text has no end")),
            },
            Some(other) => text.push(other),
            None => return Err(malformed("a text has no end")),
        }
    }
}

struct Parser<I: Iterator<Item = Token>> {
    tokens: std::iter::Peekable<I>,
}

impl<I: Iterator<Item = Token>> Parser<I> {
    fn query(&mut self) -> Result<Query, Refusal> {
        self.keyword("SELECT")?;
        let selected = self.selected()?;
        self.keyword("FROM")?;
        let object = self.word()?;
        let mut conditions = Vec::new();
        if self.takes("WHERE") {
            conditions.push(self.condition()?);
            while self.takes("AND") {
                conditions.push(self.condition()?);
            }
        }
        let limit = if self.takes("LIMIT") {
            let word = self.word()?;
            Some(word.parse().map_err(|_| unexpected(Some(&Token::Word(word))))?)
        } else {
            None
        };
        Ok(Query { selected, object, conditions, limit })
    }

    fn selected(&mut self) -> Result<Selected, Refusal> {
        let mut fields = vec![self.word()?];
        if fields[0].eq_ignore_ascii_case("COUNT") && self.sign('(') {
            self.expect_sign(')')?;
            return Ok(Selected::Count);
        }
        while self.sign(',') {
            fields.push(self.word()?);
        }
        Ok(Selected::Fields(fields))
    }

    fn condition(&mut self) -> Result<Condition, Refusal> {
        let field = self.word()?;
        let comparison = match self.tokens.next() {
            Some(Token::Sign('=')) => Comparison::In,
            Some(Token::NotEqual) => Comparison::NotIn,
            Some(Token::Order(order)) => Comparison::Order(order),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("LIKE") => Comparison::Like,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("IN") => {
                return Ok(Condition { field, comparison: Comparison::In, values: self.list()? });
            }
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("NOT") => {
                self.keyword("IN")?;
                let values = self.list()?;
                return Ok(Condition { field, comparison: Comparison::NotIn, values });
            }
            other => return Err(unexpected(other.as_ref())),
        };
        Ok(Condition { field, comparison, values: vec![self.value()?] })
    }

    fn list(&mut self) -> Result<Vec<Value>, Refusal> {
        self.expect_sign('(')?;
        let mut values = vec![self.value()?];
        while self.sign(',') {
            values.push(self.value()?);
        }
        self.expect_sign(')')?;
        Ok(values)
    }

    fn value(&mut self) -> Result<Value, Refusal> {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(Value::Text(text)),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("null") => Ok(Value::Null),
            Some(Token::Word(word)) => Ok(Value::Literal(word)),
            other => Err(unexpected(other.as_ref())),
        }
    }

    fn word(&mut self) -> Result<String, Refusal> {
        match self.tokens.next() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(unexpected(other.as_ref())),
        }
    }

    fn keyword(&mut self, expected: &str) -> Result<(), Refusal> {
        if self.takes(expected) { Ok(()) } else { Err(unexpected(self.tokens.peek())) }
    }

    fn takes(&mut self, keyword: &str) -> bool {
        let is_it = |token: &Token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(keyword));
        self.tokens.next_if(is_it).is_some()
    }

    fn sign(&mut self, sign: char) -> bool {
        self.tokens.next_if_eq(&Token::Sign(sign)).is_some()
    }

    fn expect_sign(&mut self, sign: char) -> Result<(), Refusal> {
        if self.sign(sign) { Ok(()) } else { Err(unexpected(self.tokens.peek())) }
    }
}

fn unexpected(token: Option<&Token>) -> Refusal {
    let shown = match token {
        None => "<EOF>".to_owned(),
        Some(Token::Word(text) | Token::Text(text)) => text.clone(),
        Some(Token::Sign(sign)) => sign.to_string(),
        Some(Token::NotEqual) => "!=".to_owned(),
        Some(Token::Order(order)) => order.sign().to_owned(),
    };
    malformed(&format!("unexpected token: {shown}"))
}

pub(super) fn malformed(message: &str) -> Refusal {
    Refusal::bad_request("MALFORMED_QUERY", message)
}

/// Whether a text fits a pattern of LIKE, in any case.
pub(super) fn is_like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let (mut at, mut wanted) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(wanted) {
            Some('%') => {
                retry = Some((at, wanted));
                wanted += 1;
            }
            Some(one) if *one == '_' || *one == text[at] => {
                at += 1;
                wanted += 1;
            }
            _ => {
                let Some((from, star)) = retry else { return false };
                retry = Some((from + 1, star));
                (at, wanted) = (from + 1, star + 1);
            }
        }
    }
    pattern[wanted.min(pattern.len())..].iter().all(|one| *one == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(field: &str, comparison: Comparison, values: Vec<Value>) -> Condition {
        Condition { field: field.to_owned(), comparison, values }
    }

    #[test]
    fn a_query_is_read_in_any_case_and_spacing() {
        let text = |text: &str| Value::Text(text.to_owned());
        let query = parse(
            "select Id,LastName from Lead where Email != null and City in ('It\\'s', 'B') \
             AND LastName LIKE 'A%' AND Opted_In__c = true LIMIT 5",
        )
        .unwrap();

        let expected = Query {
            selected: Selected::Fields(vec!["Id".to_owned(), "LastName".to_owned()]),
            object: "Lead".to_owned(),
            conditions: vec![
                condition("Email", Comparison::NotIn, vec![Value::Null]),
                condition("City", Comparison::In, vec![text("It's"), text("B")]),
                condition("LastName", Comparison::Like, vec![text("A%")]),
                condition("Opted_In__c", Comparison::In, vec![Value::Literal("true".to_owned())]),
            ],
            limit: Some(5),
        };
        assert_eq!(query, expected);
        assert_eq!(parse("SELECT COUNT() FROM Lead").unwrap().selected, Selected::Count);
    }

    #[test]
    fn what_lies_before_or_behind_a_value_is_told_by_the_sign() {
        let query = "SELECT COUNT() FROM Lead WHERE A<1 AND B <=2 AND C> 3 AND D >= 4 AND E<>5";
        let read: Vec<Comparison> =
            parse(query).unwrap().conditions.iter().map(|condition| condition.comparison).collect();

        let [less, at_most] = [Order::Less, Order::AtMost].map(Comparison::Order);
        let [greater, at_least] = [Order::Greater, Order::AtLeast].map(Comparison::Order);
        assert_eq!(read, [less, at_most, greater, at_least, Comparison::NotIn]);
    }

    #[test]
    fn signs_behind_a_backslash_are_what_they_stand_for() {
        let query = parse(r#"SELECT Id FROM Lead WHERE City = 'It\'s \\ \"a\"\n\r\tb'"#).unwrap();

        let text = "It's \\ \"a\"\n\r\tb".to_owned();
        assert_eq!(query.conditions[0].values, [Value::Text(text)]);
    }

    #[test]
    fn a_query_that_is_none_is_refused_with_the_token() {
        for (text, token) in [
            ("", "<EOF>"),
            ("SELECT FROM Lead", "Lead"),
            ("SELECT Id FROM", "<EOF>"),
            ("SELECT Id FROM Lead WHERE", "<EOF>"),
            ("SELECT Id FROM Lead ORDER BY Id", "ORDER"),
            ("SELECT Id FROM Lead WHERE A > > 1", ">"),
            ("SELECT Id FROM Lead WHERE A => 1", ">"),
            ("SELECT Id FROM Lead WHERE A <= AND B = 1", "B"),
            ("SELECT COUNT(), Id FROM Lead", ","),
            ("SELECT Id FROM Lead LIMIT x", "x"),
        ] {
            let refusal = parse(text).unwrap_err();

            assert_eq!(refusal.problems[0].error_code, "MALFORMED_QUERY");
            let message = &refusal.problems[0].message;
            assert_eq!(message, &format!("unexpected token: {token}"), "{text}");
        }
    }

    #[test]
    fn like_knows_its_two_signs() {
        for (text, pattern, expected) in [
            ("Ames", "A%", true),
            ("Ames", "%ES", true),
            ("Ames", "_mes", true),
            ("Ames", "A%x%", false),
            ("", "%", true),
            ("Ames", "Ame", false),
            ("aXbXc", "a%X%c", true),
        ] {
            assert_eq!(is_like(text, pattern), expected, "{text} like {pattern}");
        }
    }
}
