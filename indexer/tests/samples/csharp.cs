using System.Collections.Generic;

namespace Visits
{
    /// <summary>Visits by page.</summary>
    public class Counter : ITotal
    {
        private const int Limit = 100;
        private readonly Dictionary<string, int> visits = new();

        public int Total { get; private set; }

        public Counter(int total)
        {
            Total = total;
        }

        /// <summary>Records one visit.</summary>
        [Obsolete]
        public int Record(string page)
        {
            int Clamp(int value) => Math.Min(value, Limit);
            Total++;
            return Clamp(Total);
        }

        [Fact]
        public void Counts() => Assert.Equal(0, new Counter(0).Total);
    }

    public interface ITotal
    {
        int Total { get; }
    }

    public enum Mode { Day, Night }
}
