import React from 'react';

type Props = { page: string };

/** Shows the visits of a page. */
export function Counter({ page }: Props) {
  const [visits, setVisits] = React.useState(0);
  const record = () => setVisits(visits + 1);
  return <Button onClick={record}>{page}: {visits}</Button>;
}

export const Page = React.memo(({ page }: Props) => {
  return <main><Counter page={page} /></main>;
});
