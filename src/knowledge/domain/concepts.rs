//! What candidates ask about, under the names they use for it, and how a posting's statements show that they are
//! about it.

/// A subject of questions about a role. Lists hold lower-case words without punctuation, separated by commas.
#[derive(Debug)]
pub struct Concept {
    cues: &'static str,
    marks: &'static str,
    fields: &'static str,
    /// Whether its words are so common that a narrower concept in the same question counts alone.
    pub broad: bool,
    /// Whether a question that names something else besides is probably about that.
    pub loose: bool,
}

impl Concept {
    /// Words of a question that name it.
    pub fn cues(&self) -> impl Iterator<Item = &'static str> {
        listed(self.cues)
    }

    /// Words of a statement that show it.
    pub fn marks(&self) -> impl Iterator<Item = &'static str> {
        listed(self.marks)
    }

    /// Fields that are about it whatever they say.
    pub fn fields(&self) -> impl Iterator<Item = &'static str> {
        listed(self.fields)
    }
}

fn listed(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split(", ").filter(|word| !word.is_empty())
}

const fn narrow(cues: &'static str, marks: &'static str, fields: &'static str) -> Concept {
    Concept {
        cues,
        marks,
        fields,
        broad: false,
        loose: false,
    }
}

const fn broad(cues: &'static str, marks: &'static str, fields: &'static str) -> Concept {
    Concept {
        cues,
        marks,
        fields,
        broad: true,
        loose: false,
    }
}

const fn loose(cues: &'static str, marks: &'static str, fields: &'static str) -> Concept {
    Concept {
        cues,
        marks,
        fields,
        broad: true,
        loose: true,
    }
}

/// Set on the questions in `tests/role_search.rs`.
pub const CONCEPTS: &[Concept] = &[
    narrow(
        "salary, salaries, pay, pays, paid, compensation, earn, wage, wages, money, rate, income",
        "salary, wage",
        "compensation",
    ),
    narrow(
        "bonus, bonuses, commission, equity, stock, shares, options, raise",
        "bonus, commission, equity, stock, shares",
        "",
    ),
    narrow(
        "remote, remotely, from home, home office, hybrid, onsite, on site, in person",
        "remote, hybrid, onsite, on site, home",
        "place",
    ),
    broad(
        "where, location, located, city, country, countries, office, based, commute, address",
        "",
        "place",
    ),
    narrow("time zone, timezone, overlap", "overlap, time zone", ""),
    narrow(
        "hours, full time, part time, schedule, a week, per week, flexible, flexibility, workload",
        "hours, full time, part time, flexible, flexitime",
        "commitment",
    ),
    narrow(
        "night, nights, weekend, weekends, shift, shifts, rota, on call, call duty, standby",
        "shift, shifts, nights, weekends, on call, rota",
        "",
    ),
    narrow("overtime, extra hours", "overtime", ""),
    narrow(
        "holiday, holidays, vacation, vacations, days off, time off, annual leave, pto, leave",
        "holiday, holidays, leave, vacation, days off",
        "",
    ),
    narrow(
        "parental, maternity, paternity, childcare, kindergarten, family",
        "parental, maternity, paternity, childcare, family",
        "",
    ),
    narrow(
        "insurance, insured, healthcare, health care, dental, medical",
        "insurance, dental, healthcare",
        "",
    ),
    narrow("pension, retirement, 401k", "pension, retirement, 401k", ""),
    narrow(
        "course, courses, conference, conferences, training, trainings, learn, learning, education, study, certifications, books",
        "learning, training, course, courses, conference, conferences, education",
        "",
    ),
    narrow(
        "laptop, computer, equipment, phone, hardware, monitor, desk, macbook",
        "laptop, computer, equipment, phone, hardware",
        "",
    ),
    narrow("car, vehicle, bike", "car, vehicle, bike", ""),
    narrow("parking, park", "parking", ""),
    narrow(
        "lunch, food, meal, meals, canteen, snacks, coffee",
        "lunch, meals, food, canteen, snacks",
        "",
    ),
    narrow(
        "gym, sport, sports, fitness, football, yoga",
        "gym, sport, sports, fitness",
        "",
    ),
    narrow(
        "travel, travelling, traveling, trips, trip",
        "travel, trips, weeks a year",
        "",
    ),
    narrow(
        "visa, visas, sponsor, sponsorship, work permit",
        "visa, sponsorship, work permit, right to work",
        "",
    ),
    narrow("relocate, relocation, moving", "relocation, relocate", ""),
    loose("team, teams, colleagues, coworkers", "team, teams, colleagues", ""),
    narrow(
        "report, boss, manager, supervisor, team lead",
        "reports, reporting, report to, manager, supervisor, lead",
        "",
    ),
    narrow(
        "employees, how many people, headcount, how large, how big is the company, how big is the organization, company size, size of the company",
        "employees, beds, staff",
        "organization.size",
    ),
    narrow(
        "founded, founder, founders, ceo, how old, started the company",
        "founded, founder, since",
        "",
    ),
    loose(
        "company, organization, organisation, business, product, products, you do, customers, mission",
        "",
        "organization.about, tagline",
    ),
    narrow(
        "stack, technology, technologies, tech, tools, programming, framework, frameworks, databases, software, code in",
        "written in, stack, tools, technologies",
        "skills",
    ),
    narrow(
        "task, tasks, duties, responsibilities, responsible, typical day, day to day, daily, would i do, would i be doing, role involve, job involve",
        "",
        "responsibilities",
    ),
    narrow(
        "requirements, qualifications, required, requirement, must have, expect from",
        "",
        "requirements, skills",
    ),
    narrow(
        "speak, english, german, french, spanish, greek, italian, portuguese, dutch",
        "english, german, french, spanish, greek, italian, portuguese, dutch",
        "languages",
    ),
    narrow("probation, probationary, trial period, trial", "probation, trial", ""),
    narrow(
        "contract, permanent, temporary, fixed term, freelance, employed",
        "contract, permanent, temporary, freelance",
        "",
    ),
    narrow(
        "process, next step, next steps, after this, after the interview, happens next, stages, rounds, interviews",
        "interview, stages, rounds, hiring process",
        "",
    ),
    narrow(
        "hear back, hear from, get back, when will i know, feedback, result, results, decision",
        "hear back, feedback, decision, contact",
        "",
    ),
    narrow("start, starting, begin", "start, starting, immediately", ""),
    narrow(
        "promotion, promoted, career, growth, advance, grow",
        "promotion, career, growth",
        "",
    ),
    narrow(
        "mentor, mentoring, juniors, junior, manage people, lead people",
        "mentor, mentoring, junior, juniors",
        "",
    ),
    narrow("meeting, meetings", "meeting, meetings", ""),
    narrow("dress, uniform, clothes", "dress, uniform", ""),
    narrow("dog, dogs, pet, pets, cat", "dog, dogs, pets", ""),
    broad("benefits, benefit, perks", "", "benefits"),
];
