// What the search puts first: titles and addresses that have several of the words.
var Scorer = {
    score: ([address, title, , , score]) => {
        const query = new URLSearchParams(location.search).get("q") || ""
        const words = new Set(query.toLowerCase().match(/[\w.-]+/g))
        const named = `${address} ${title}`.toLowerCase()
        for (const word of words) {
            if (word.length < 2) continue
            const stem = word.length > 6 ? word.slice(0, -3) : word
            if (named.includes(stem)) score += 5
        }
        if (address === "reference/changes") score -= 10
        if (/^(2021, n|n)o longer true/i.test(title)) score -= 5
        return score
    },
    objNameMatch: 11,
    objPartialMatch: 6,
    objPrio: {0: 15, 1: 5, 2: -5},
    objPrioDefault: 0,
    title: 15,
    partialTitle: 7,
    term: 5,
    partialTerm: 2,
}
