// Live charts. BokehJS is loaded once, from beside this script, when the first of them comes near.
{
    const here = document.currentScript.src
    let loaded = null

    const load = () => loaded ??= new Promise((done, failed) => {
        const script = document.createElement("script")
        script.src = new URL("bokeh.js", here).href
        script.onload = done
        script.onerror = failed
        document.head.append(script)
    })

    const draw = async (place) => {
        await load()
        const chart = JSON.parse(place.nextElementSibling.textContent)
        await Bokeh.embed.embed_item(chart, place)
        place.closest(".prefault-chart").classList.add("drawn")
    }

    const near = new IntersectionObserver((entries) => {
        for (const {isIntersecting, target} of entries) {
            if (!isIntersecting) continue
            near.unobserve(target)
            draw(target).catch(() => target.closest(".prefault-chart").remove())
        }
    }, {rootMargin: "300px"})
    document.querySelectorAll(".prefault-live").forEach((place) => near.observe(place))
}
