package visits

import kotlin.math.min

const val LIMIT = 100

/** Something with a total. */
interface Total {
    val total: Int
}

/** Visits by page. */
class Counter(private val limit: Int) : Total {
    private val visits = mutableMapOf<String, Int>()

    override val total: Int
        get() = visits.values.sum()

    /** Records one visit. */
    fun record(page: String): Int {
        visits[page] = (visits[page] ?: 0) + 1
        return min(visits.getValue(page), limit)
    }

    companion object {
        fun open(path: String): Counter = Counter(LIMIT).also { it.load(path) }
    }
}

fun Counter.clear() = visits.clear()

data class Page(val path: String)

object Pages {
    @Test
    fun counts() = assertEquals(0, Counter(1).total)
}

typealias Visits = Map<String, Int>
