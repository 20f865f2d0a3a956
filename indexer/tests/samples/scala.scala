package visits

import scala.collection.mutable

/** Something with a total. */
trait Total {
  def total: Int
}

/** Visits by page. */
final class Counter[P](limit: Int) extends Total {
  private val visits = mutable.Map.empty[P, Int]

  /** Records one visit. */
  def record(page: P): Int = {
    visits.updateWith(page)(count => Some(count.getOrElse(0) + 1))
    clamp(visits(page))
  }

  def total: Int = visits.values.sum

  private def clamp(count: Int): Int = math.min(count, limit)
}

object Counter {
  val Limit = 100
  def apply[P](): Counter[P] = new Counter[P](Limit)
}

case class Page(path: String)
